using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Tests.KeyServer;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Kit.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Keys of another real server's users.</summary>
public sealed class Keys_between_servers : IAsyncLifetime
{
    private readonly Interception _fromFirst = new();
    private readonly Interception _fromSecond = new();
    private TestHomeserver _first = null!;
    private TestHomeserver _second = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _first = await FederatingServers.StartAsync(_fromFirst);
        _second = await FederatingServers.StartAsync(_fromSecond);
        _alice = await _first.RegisterAsync("alice");
        _bob = await _second.RegisterAsync("bob");
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    [Fact]
    public async Task are_found_and_given_out_once_without_a_room_that_is_shared()
    {
        await _alice.UploadAsync(10, "signed_curve25519:A", "signed_curve25519:B");
        (await _alice.PostAsync("keys/device_signing/upload", _alice.CrossSigning(1))).Ok();
        var seen = await _bob.QueryAsync(_alice.UserId, "@nobody" + _alice.UserId[6..]);
        Assert.Empty(seen.GetProperty("failures").EnumerateObject());
        Assert.Equal([_alice.UserId], seen.GetProperty("device_keys").EnumerateObject().Select(user => user.Name));
        Assert.Equal(
            TestKeys.Public(10),
            KeyJson.SigningKeyOf(KeyJson.Keep(await _bob.DeviceAsync(_alice)), _alice.DeviceId));
        Assert.Equal(TestKeys.Public(1), KeyJson.PublicKeyOf(seen.GetProperty("master_keys").GetProperty(_alice.UserId)));
        Assert.Equal(
            TestKeys.Public(2), KeyJson.PublicKeyOf(seen.GetProperty("self_signing_keys").GetProperty(_alice.UserId)));
        Assert.Empty(seen.GetProperty("user_signing_keys").EnumerateObject());

        var claimed = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _bob.ClaimAsync(_alice)));
        Assert.Equal(["signed_curve25519:A", "signed_curve25519:B"], claimed.OfType<string>().Order());
        // Nobody tells us of changes, so the next question goes there again.
        Assert.Equal(0, Asked("/user/devices/"));
        Assert.Equal(2, Asked("/user/keys/query"));
    }

    [Fact]
    public async Task are_kept_while_a_room_is_shared_and_follow_updates()
    {
        await _alice.UploadAsync(10);
        var room = await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var asked = Asked("/user/");
        Assert.True(asked <= 1, $"{asked} questions");

        var token = KeyClient.Token(await _bob.SyncAsync());
        await _alice.UploadAsync(11);
        token = await IsToldAsync(token);
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        (await _alice.PutAsync($"devices/{_alice.DeviceId}", """{"display_name":"Phone"}""")).Ok();
        token = await IsToldAsync(token);
        Assert.Equal("Phone", (await _bob.DeviceAsync(_alice)).GetProperty("unsigned").Text("device_display_name"));
        var tablet = await KeyClient.LoginAsync(_first, "alice");
        token = await IsToldAsync(token);
        await tablet.UploadAsync(12);
        token = await IsToldAsync(token);
        Assert.Equal(TestKeys.Public(12), KeyJson.SigningKeyOf(KeyJson.Keep(await _bob.DeviceAsync(tablet)), tablet.DeviceId));
        (await tablet.PostAsync("logout")).Ok();
        token = await IsToldAsync(token);
        Assert.Single(Devices(await _bob.QueryAsync(_alice.UserId)));
        (await _alice.PostAsync("keys/device_signing/upload", _alice.CrossSigning(1))).Ok();
        token = await IsToldAsync(token);
        var keys = await _bob.QueryAsync(_alice.UserId);
        Assert.Equal(TestKeys.Public(1), KeyJson.PublicKeyOf(keys.GetProperty("master_keys").GetProperty(_alice.UserId)));
        Assert.Equal(asked, Asked("/user/"));

        await _second.RestartWithoutDatabaseAsync();
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        Assert.Equal(asked, Asked("/user/"));
        Assert.NotEmpty(room);
    }

    [Fact]
    public async Task are_fetched_anew_after_updates_were_lost()
    {
        await _alice.UploadAsync(10);
        await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var token = KeyClient.Token(await _bob.SyncAsync());
        var asked = Asked("/user/devices/");

        // Transactions are taken and lost: nobody sends them again.
        var lost = new TaskCompletionSource();
        var last = Encoding.UTF8.GetBytes(TestKeys.Public(12));
        _fromFirst.Answer = (request, _) =>
        {
            if (!request.Uri.Contains("/send/", StringComparison.Ordinal))
                return Task.FromResult<FederationAnswer?>(null);
            if (request.Content.Span.IndexOf(last) >= 0)
                lost.TrySetResult();
            return Task.FromResult<FederationAnswer?>(new FederationAnswer.Answered(200, "{\"pdus\":{}}"u8.ToArray()));
        };
        await _alice.UploadAsync(11);
        var tablet = await KeyClient.LoginAsync(_first, "alice");
        await tablet.UploadAsync(12);
        await lost.Task;
        _fromFirst.Answer = (_, _) => Task.FromResult<FederationAnswer?>(null);
        (await _alice.PutAsync($"devices/{_alice.DeviceId}", """{"display_name":"Phone"}""")).Ok();

        await IsToldAsync(token);
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        Assert.Equal(2, Devices(await _bob.QueryAsync(_alice.UserId)).Length);
        Assert.True(Asked("/user/devices/") > asked);
    }

    [Fact]
    public async Task are_forgotten_when_no_room_is_shared_any_more()
    {
        await _alice.UploadAsync(10);
        var room = await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        (await _bob.PostAsync($"rooms/{Uri.EscapeDataString(room)}/leave")).Ok();
        await _alice.UploadAsync(11);
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        (await _bob.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Uri.EscapeDataString(ServerOf(_alice))}")).Ok();
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
    }

    [Fact]
    public async Task of_servers_that_are_away_are_failures_of_those()
    {
        await _bob.UploadAsync(10);
        const string away = "@carol:127.0.0.1:1";
        var seen = await _bob.QueryAsync(away, _bob.UserId);
        Assert.Equal(["127.0.0.1:1"], seen.GetProperty("failures").EnumerateObject().Select(server => server.Name));
        Assert.Single(seen.GetProperty("device_keys").EnumerateObject());
        var claim = (await _bob.PostAsync(
            "keys/claim", $$$"""{"one_time_keys":{"{{{away}}}":{"D":"signed_curve25519"} } }""")).Ok();
        Assert.Equal(["127.0.0.1:1"], claim.GetProperty("failures").EnumerateObject().Select(server => server.Name));
    }

    [Fact]
    public async Task are_believed_of_their_own_server_only()
    {
        await _alice.UploadAsync(10);
        await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var token = KeyClient.Token(await _bob.SyncAsync());
        var mallory = ServerName.Parse("mallory.org");
        var forged = TestKeys.Device(_alice.Id(), _alice.DeviceId, 66);
        foreach (var content in (string[])
            [
                $$"""{"user_id":"{{_alice.UserId}}","device_id":"{{_alice.DeviceId}}","stream_id":9,"prev_id":[],"keys":{{forged}}}""",
                $$"""{"user_id":"{{_bob.UserId}}","device_id":"{{_bob.DeviceId}}","stream_id":9,"deleted":true}""",
                """{"user_id":"@m:mallory.org","device_id":"D","stream_id":9}""",
                """{"user_id":"@m:mallory.org","device_id":"","stream_id":-1,"prev_id":["x"]}""",
                """{"user_id":1,"device_id":[],"stream_id":1.5}""",
            ])
            await TakeAsync(mallory, "m.device_list_update", content);
        var master = TestKeys.CrossSigning(_alice.Id(), "master", 66);
        await TakeAsync(mallory, "m.signing_key_update", $$"""{"user_id":"{{_alice.UserId}}","master_key":{{master}}}""");
        await TakeAsync(mallory, "m.signing_key_update", """{"user_id":"@m:mallory.org","master_key":{}}""");
        Assert.Empty(KeyClient.Changed(await _bob.SyncAsync(token)));
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());

        // Keys of another device than the update names are none.
        var alices = ServerName.Parse(ServerOf(_alice));
        await TakeAsync(
            alices,
            "m.device_list_update",
            $$"""{"user_id":"{{_alice.UserId}}","device_id":"OTHER","stream_id":99,"prev_id":[1],"keys":{{forged}}}""");
        Assert.Empty(KeyClient.Changed(await _bob.SyncAsync(token)));
    }

    [Fact]
    public async Task of_who_joins_a_room_elsewhere_are_told_to_its_servers()
    {
        await _alice.UploadAsync(10);
        var told = new TaskCompletionSource();
        var alices = Encoding.UTF8.GetBytes(TestKeys.Public(10));
        _fromFirst.Answer = (request, _) =>
        {
            if (request.Uri.Contains("/send/", StringComparison.Ordinal)
                && request.Content.Span.IndexOf("m.device_list_update"u8) >= 0
                && request.Content.Span.IndexOf(alices) >= 0)
                told.TrySetResult();
            return Task.FromResult<FederationAnswer?>(null);
        };
        var room = await _bob.CreateRoomAsync();
        (await _alice.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Uri.EscapeDataString(ServerOf(_bob))}")).Ok();
        await told.Task.WaitAsync(TimeSpan.FromSeconds(60));
        // It is nothing new to anybody here.
        var token = KeyClient.Token(await _alice.SyncAsync());
        Assert.Empty(KeyClient.Changed(await _alice.SyncAsync(token)));
    }

    [Fact]
    public async Task that_cannot_be_fetched_cost_one_record_however_many_updates_come()
    {
        await _alice.UploadAsync(10);
        await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var token = KeyClient.Token(await _bob.SyncAsync());
        _fromSecond.Answer = (request, _) => Task.FromResult<FederationAnswer?>(
            request.Uri.Contains("/user/", StringComparison.Ordinal) ? new FederationAnswer.Unreachable("away") : null);
        var before = await RecordsAsync();
        for (var n = 0; n < 50; n++)
        {
            await TakeAsync(
                ServerName.Parse(ServerOf(_alice)),
                "m.device_list_update",
                $$"""{"user_id":"{{_alice.UserId}}","device_id":"D{{n}}","stream_id":{{1000 + (2 * n)}},"prev_id":[{{999 + (2 * n)}}]}""");
        }
        Assert.Equal(before + 1, await RecordsAsync());
        token = await IsToldAsync(token);
        // What is outdated is not shown: the server is asked, and it is away.
        var seen = await _bob.QueryAsync(_alice.UserId);
        Assert.Equal([ServerOf(_alice)], seen.GetProperty("failures").EnumerateObject().Select(server => server.Name));
        Assert.Empty(seen.GetProperty("device_keys").EnumerateObject());

        _fromSecond.Answer = (_, _) => Task.FromResult<FederationAnswer?>(null);
        await _alice.UploadAsync(11);
        for (var poll = 0; poll < 20 && (await _bob.QueryAsync(_alice.UserId)).GetProperty("failures").EnumerateObject().Any(); poll++)
            token = KeyClient.Token(await _bob.SyncAsync(token, 1_000));
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
    }

    [Fact]
    public async Task signatures_are_made_and_seen_across_servers()
    {
        (await _alice.PostAsync("keys/device_signing/upload", _alice.CrossSigning(1))).Ok();
        (await _bob.PostAsync("keys/device_signing/upload", _bob.CrossSigning(4))).Ok();
        await ShareAsync();
        var signed = TestKeys.Signed(TestKeys.CrossSigning(_alice.Id(), "master", 1), _bob.Id(), (TestKeys.Public(6), 6));
        var reply = await _bob.PostAsync(
            "keys/signatures/upload", $$$"""{"{{{_alice.UserId}}}":{"{{{TestKeys.Public(1)}}}":{{{signed}}} } }""");
        Assert.Equal("""{"failures":{}}""", reply.Text);
        var master = (await _bob.QueryAsync(_alice.UserId)).GetProperty("master_keys").GetProperty(_alice.UserId);
        Assert.True(KeyJson.IsSignedBy(master, _bob.Id(), TestKeys.Public(6)));
    }

    private async Task<int> RecordsAsync()
    {
        var count = 0;
        await foreach (var _ in _second.Services.GetRequiredService<IEventStore>().ReadStreamAsync(
            KeyServerStreams.RemoteDevices(_alice.Id()), null, ReadDirection.Forwards, long.MaxValue))
            count++;
        return count;
    }

    private static JsonProperty[] Devices(JsonElement query) =>
        [.. query.GetProperty("device_keys").EnumerateObject().Single().Value.EnumerateObject()];

    private static string ServerOf(TestUser user) =>
        user.UserId[(user.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];

    private ValueTask TakeAsync(ServerName origin, string type, string content)
    {
        var edu = JsonElement.Parse($$"""{"edu_type":"{{type}}","content":{{content}}}""");
        var context = new CommandContext(new FactActor(Server: origin.Value), 1_767_225_600_000, "edu");
        return _second.Services.GetRequiredService<InboundEdus>().TakeAsync(context, origin, edu);
    }

    private async Task<string> ShareAsync()
    {
        var room = await _alice.CreateRoomAsync();
        (await _bob.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Uri.EscapeDataString(ServerOf(_alice))}")).Ok();
        // The alices' server knows of the join once bob's first word is there.
        await _alice.SeesAsync(room, await _bob.SendTextAsync(room, "here"));
        return room;
    }

    private async Task<string?> SigningKeyAsync() =>
        KeyJson.SigningKeyOf(KeyJson.Keep(await _bob.DeviceAsync(_alice)), _alice.DeviceId);

    /// <summary>Waits until bob is told of a change, by long polls; answers the token after it.</summary>
    private async Task<string> IsToldAsync(string token)
    {
        for (var poll = 0; poll < 20; poll++)
        {
            var sync = await _bob.SyncAsync(token, 5_000);
            token = KeyClient.Token(sync);
            if (KeyClient.Changed(sync).Contains(_alice.UserId))
                return token;
        }
        throw new Xunit.Sdk.XunitException("bob is not told");
    }

    private int Asked(string path) =>
        _fromSecond.Requests.Count(request => request.Uri.Contains(path, StringComparison.Ordinal));
}
