using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Tests.Audit;
using Matrix.EventSourced.Commands.Erasure;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Erasure;

/// <summary>What is redacted is gone for good once its time is over: from the log, from every table, and from what a replay makes.</summary>
public sealed class Erasing_redacted_content : IAsyncLifetime
{
    private const string Secret = "xyzzy-plugh-42";

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_767_225_600_000));
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;
    private string _room = "";

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { Time = _time });
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
        _room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(_room);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task leaves_no_trace_of_it_and_a_log_that_verifies()
    {
        var root = await _ada.SendTextAsync(_room, "root");
        var redacted = new List<string>
        {
            await _ada.SendTextAsync(_room, $"one {Secret}"),
            await _ada.SendAsync(_room, "m.room.message", Thread(root)),
            await _ada.SendAsync(_room, "m.reaction", Reaction(root, Secret)),
            await _ada.SendAsync(_room, "m.room.message", $$"""{"msgtype":"m.notice","body":"{{Secret}}"}"""),
            await _ada.SetStateAsync(_room, "m.room.topic", "", $$"""{"topic":"{{Secret}}"}"""),
        };
        await _bob.SendAsync(_room, "m.reaction", Reaction(redacted[1], "+"));
        await _ada.SendTextAsync(_room, "last");
        foreach (var eventId in redacted)
            await RedactAsync(eventId);
        Assert.True(await IsInLogAsync());

        _time.Advance(TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1));
        Assert.Equal(0, await EraseAsync());
        Assert.True(await IsInLogAsync());
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(redacted.Count, await EraseAsync());
        Assert.Equal(0, await EraseAsync());

        foreach (var eventId in redacted)
        {
            var shown = (await _bob.GetAsync($"rooms/{Uri.EscapeDataString(_room)}/event/{Uri.EscapeDataString(eventId)}")).Ok();
            Assert.Equal("{}", shown.GetProperty("content").GetRawText());
            Assert.True(shown.GetProperty("unsigned").TryGetProperty("redacted_because", out _));
        }
        Assert.Empty(await ProblemsAsync());
        var told = await AuditedServer.AskAsync(_server, "history", "--type", "roomserver.content_erased.v1", "--content");
        Assert.Equal(redacted, told.Select(line => line.GetProperty("content").Text("event_id")));
        Assert.All(told, line => Assert.Equal("this server", line.Text("actor")));
        Assert.False(await IsInTablesAsync());
        Assert.False(await IsInLogAsync());

        // What another generation of tables makes of it is the same.
        await _server.RestartWithoutDatabaseAsync();
        Assert.Empty(await ProblemsAsync());
        Assert.False(await IsInTablesAsync());
        Assert.Equal(0, await EraseAsync());
    }

    [Fact]
    public async Task goes_on_by_itself_and_after_a_restart()
    {
        await RedactAsync(await _ada.SendTextAsync(_room, Secret));
        await _server.RestartAsync();
        _time.Advance(TimeSpan.FromDays(8));
        await _server.StopAsync();
        // Whether the round of the timer was through or was ended by the stop: the next one ends it.
        await _server.StartAgainAsync();
        _time.Advance(TimeSpan.FromMinutes(11));
        await EraseAsync();
        Assert.False(await IsInLogAsync());
        Assert.Single(await AuditedServer.AskAsync(_server, "history", "--type", "roomserver.content_erased.v1"));
    }

    private static string Thread(string root) =>
        $$$"""{"msgtype":"m.text","body":"{{{Secret}}}","m.relates_to":{"rel_type":"m.thread","event_id":"{{{root}}}"} }""";

    private static string Reaction(string eventId, string key) =>
        $$$"""{"m.relates_to":{"rel_type":"m.annotation","event_id":"{{{eventId}}}","key":"{{{key}}}"} }""";

    private async Task RedactAsync(string eventId) => (await _ada.PutAsync(
        $"rooms/{Uri.EscapeDataString(_room)}/redact/{Uri.EscapeDataString(eventId)}/r{eventId[1..9]}", "{}")).Ok();

    private async Task<int> EraseAsync() =>
        await _server.Services.GetRequiredService<ContentEraser>().EraseDueAsync(CancellationToken.None);

    private async Task<List<JsonElement>> ProblemsAsync() =>
        [.. (await AuditedServer.AskAsync(_server, "verify")).Where(line => line.TryGetProperty("problem", out _))];

    private async Task<bool> IsInLogAsync()
    {
        // Stopped, so that what the engine still had to move within its files is moved.
        await _server.StopAsync();
        var secret = Encoding.UTF8.GetBytes(Secret);
        var isThere = false;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(_server.DataFolder, "log"), "*", SearchOption.AllDirectories))
            isThere |= (await File.ReadAllBytesAsync(file)).AsSpan().IndexOf(secret) >= 0;
        await _server.StartAgainAsync();
        return isThere;
    }

    private async Task<bool> IsInTablesAsync()
    {
        var tables = new List<string>();
        await using (var list = _server.Database.DataSource.CreateCommand(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"))
        await using (var reader = await list.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
                tables.Add(reader.GetString(0));
        }
        Assert.True(tables.Count > 20, string.Join(' ', tables));
        foreach (var table in tables)
        {
            // Bytes are shown in hexadecimal; words of the search are parts of the secret.
            var hex = Convert.ToHexStringLower(Encoding.UTF8.GetBytes(Secret));
            await using var search = _server.Database.DataSource.CreateCommand(
                $"SELECT count(*) FROM {table} t WHERE t::text LIKE '%xyzzy%' OR t::text LIKE '%{hex}%'");
            if ((long)(await search.ExecuteScalarAsync())! > 0)
                return true;
        }
        return false;
    }
}
