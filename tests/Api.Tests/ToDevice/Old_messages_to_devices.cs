using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.ToDevice;

/// <summary>What every device has got goes from the log after a while.</summary>
public sealed class Old_messages_to_devices : IAsyncLifetime
{
    private const string Elsewhere = "@carol:elsewhere.test";

    private EduWorld _world = null!;
    private int _transactions;

    public async Task InitializeAsync() => _world = await EduWorld.StartAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task go_from_the_log_once_all_devices_have_them()
    {
        await SendAsync(_world.Bob.UserId, "first");
        await SendAsync(_world.Bob.UserId, "second");
        var since = await FetchAsync(["first", "second"]);
        await _world.Bob.SyncAsync(since);
        _world.Time.Advance(TimeSpan.FromDays(6));
        await SendAsync(_world.Bob.UserId, "third");
        Assert.Equal(["first", "second", "third"], await KeptAsync(_world.Bob.UserId));
        _world.Time.Advance(TimeSpan.FromDays(2));
        await SendAsync(_world.Bob.UserId, "fourth");
        Assert.Equal(["third", "fourth"], await KeptAsync(_world.Bob.UserId));

        await _world.Server.RestartWithoutDatabaseAsync();
        await FetchAsync(["third", "fourth"]);
    }

    [Fact]
    public async Task stay_for_a_device_that_has_not_got_them()
    {
        await SendAsync(_world.Bob.UserId, "first");
        var login = await _world.Server.SendAsync(
            "POST",
            "login",
            token: null,
            """{"type":"m.login.password","identifier":{"type":"m.id.user","user":"bob"},"password":"secret"}""");
        var other = new TestUser(_world.Server, _world.Bob.UserId, login.Ok().Text("access_token"), login.Json.Text("device_id"));
        await SendAsync(_world.Bob.UserId, "second");
        await _world.Bob.SyncAsync(await FetchAsync(["first", "second"]));
        _world.Time.Advance(TimeSpan.FromDays(30));
        await SendAsync(_world.Bob.UserId, "third");
        Assert.Equal(["second", "third"], await KeptAsync(_world.Bob.UserId));

        // A device that goes waits for nothing.
        (await other.PostAsync("logout")).Ok();
        _world.Time.Advance(TimeSpan.FromDays(1));
        await SendAsync(_world.Bob.UserId, "fourth");
        Assert.Equal(["third", "fourth"], await KeptAsync(_world.Bob.UserId));
    }

    [Fact]
    public async Task stay_for_a_server_that_has_not_taken_them()
    {
        await SendAsync(Elsewhere, "first");
        _world.Time.Advance(TimeSpan.FromDays(30));
        await SendAsync(Elsewhere, "second");
        Assert.Equal(["first", "second"], await KeptAsync(Elsewhere));
    }

    private async Task SendAsync(string userId, string text) => (await _world.Alice.PutAsync(
        $"sendToDevice/m.test/t{_transactions++}",
        $$$"""{"messages":{"{{{userId}}}":{"*":{"text":"{{{text}}}"} } } }""")).Ok();

    /// <summary>Checks what an initial sync of bob shows; answers the token that says that it was received.</summary>
    private async Task<string> FetchAsync(string[] expected)
    {
        var sync = await _world.Bob.SyncAsync();
        Assert.Equal(
            expected,
            sync.GetProperty("to_device").GetProperty("events").EnumerateArray().Select(one =>
                one.GetProperty("content").Text("text")));
        return EduWorld.Token(sync);
    }

    /// <summary>The messages for a user that can be read from the log.</summary>
    private async Task<List<string>> KeptAsync(string userId)
    {
        var kept = new List<string>();
        var log = _world.Server.Services.GetRequiredService<IEventStore>();
        await foreach (var record in log.ReadStreamAsync(
            new StreamName(StreamCategories.ToDevice, userId), null, ReadDirection.Forwards, long.MaxValue))
        {
            if (FactCodec.Decode(record.Type, record.Data) is ToDeviceSent sent)
                kept.Add(System.Text.Json.JsonElement.Parse(sent.Messages[0].Content.Utf8.Span).Text("text"));
        }
        return kept;
    }
}
