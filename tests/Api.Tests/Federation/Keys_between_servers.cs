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
public sealed class Keys_between_servers : TwoServers
{
    [Fact]
    public async Task are_found_and_given_out_once_without_a_room_that_is_shared()
    {
        await Alice.UploadAsync(10, "signed_curve25519:A", "signed_curve25519:B");
        (await Alice.PostAsync("keys/device_signing/upload", Alice.CrossSigning(1))).Ok();
        var seen = await Bob.QueryAsync(Alice.UserId, "@nobody" + Alice.UserId[6..]);
        Assert.Empty(seen.GetProperty("failures").EnumerateObject());
        Assert.Equal([Alice.UserId], seen.GetProperty("device_keys").EnumerateObject().Select(user => user.Name));
        Assert.Equal(
            TestKeys.Public(10),
            KeyJson.SigningKeyOf(KeyJson.Keep(await Bob.DeviceAsync(Alice)), Alice.DeviceId));
        Assert.Equal(TestKeys.Public(1), KeyJson.PublicKeyOf(seen.GetProperty("master_keys").GetProperty(Alice.UserId)));
        Assert.Equal(
            TestKeys.Public(2), KeyJson.PublicKeyOf(seen.GetProperty("self_signing_keys").GetProperty(Alice.UserId)));
        Assert.Empty(seen.GetProperty("user_signing_keys").EnumerateObject());

        var claimed = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Bob.ClaimAsync(Alice)));
        Assert.Equal(["signed_curve25519:A", "signed_curve25519:B"], claimed.OfType<string>().Order());
        // Nobody tells us of changes, so the next question goes there again.
        Assert.Equal(0, Asked("/user/devices/"));
        Assert.Equal(2, Asked("/user/keys/query"));
    }

    [Fact]
    public async Task are_kept_while_a_room_is_shared_and_follow_updates()
    {
        await Alice.UploadAsync(10);
        var room = await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var asked = Asked("/user/");
        Assert.True(asked <= 1, $"{asked} questions");

        var token = KeyClient.Token(await Bob.SyncAsync());
        await Alice.UploadAsync(11);
        token = await IsToldAsync(token);
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        (await Alice.PutAsync($"devices/{Alice.DeviceId}", """{"display_name":"Phone"}""")).Ok();
        token = await IsToldAsync(token);
        Assert.Equal("Phone", (await Bob.DeviceAsync(Alice)).GetProperty("unsigned").Text("device_display_name"));
        var tablet = await KeyClient.LoginAsync(First, "alice");
        token = await IsToldAsync(token);
        await tablet.UploadAsync(12);
        token = await IsToldAsync(token);
        Assert.Equal(TestKeys.Public(12), KeyJson.SigningKeyOf(KeyJson.Keep(await Bob.DeviceAsync(tablet)), tablet.DeviceId));
        (await tablet.PostAsync("logout")).Ok();
        token = await IsToldAsync(token);
        Assert.Single(Devices(await Bob.QueryAsync(Alice.UserId)));
        (await Alice.PostAsync("keys/device_signing/upload", Alice.CrossSigning(1))).Ok();
        token = await IsToldAsync(token);
        var keys = await Bob.QueryAsync(Alice.UserId);
        Assert.Equal(TestKeys.Public(1), KeyJson.PublicKeyOf(keys.GetProperty("master_keys").GetProperty(Alice.UserId)));
        Assert.Equal(asked, Asked("/user/"));

        await Second.RestartWithoutDatabaseAsync();
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        Assert.Equal(asked, Asked("/user/"));
        Assert.NotEmpty(room);
    }

    [Fact]
    public async Task are_fetched_anew_after_updates_were_lost()
    {
        await Alice.UploadAsync(10);
        await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var token = KeyClient.Token(await Bob.SyncAsync());
        var asked = Asked("/user/devices/");

        // Transactions are taken and lost: nobody sends them again.
        var lost = new TaskCompletionSource();
        var last = Encoding.UTF8.GetBytes(TestKeys.Public(12));
        FromFirst.Answer = (request, _) =>
        {
            if (!request.Uri.Contains("/send/", StringComparison.Ordinal))
                return Task.FromResult<FederationAnswer?>(null);
            if (request.Content.Span.IndexOf(last) >= 0)
                lost.TrySetResult();
            return Task.FromResult<FederationAnswer?>(new FederationAnswer.Answered(200, "{\"pdus\":{}}"u8.ToArray()));
        };
        await Alice.UploadAsync(11);
        var tablet = await KeyClient.LoginAsync(First, "alice");
        await tablet.UploadAsync(12);
        await lost.Task;
        FromFirst.Answer = (_, _) => Task.FromResult<FederationAnswer?>(null);
        (await Alice.PutAsync($"devices/{Alice.DeviceId}", """{"display_name":"Phone"}""")).Ok();

        await IsToldAsync(token);
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        Assert.Equal(2, Devices(await Bob.QueryAsync(Alice.UserId)).Length);
        Assert.True(Asked("/user/devices/") > asked);
    }

    [Fact]
    public async Task are_forgotten_when_no_room_is_shared_any_more()
    {
        await Alice.UploadAsync(10);
        var room = await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        (await Bob.PostAsync($"rooms/{Uri.EscapeDataString(room)}/leave")).Ok();
        await Alice.UploadAsync(11);
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
        (await Bob.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Uri.EscapeDataString(ServerOf(Alice))}")).Ok();
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
    }

    [Fact]
    public async Task of_servers_that_are_away_are_failures_of_those()
    {
        await Bob.UploadAsync(10);
        const string away = "@carol:127.0.0.1:1";
        var seen = await Bob.QueryAsync(away, Bob.UserId);
        Assert.Equal(["127.0.0.1:1"], seen.GetProperty("failures").EnumerateObject().Select(server => server.Name));
        Assert.Single(seen.GetProperty("device_keys").EnumerateObject());
        var claim = (await Bob.PostAsync(
            "keys/claim", $$$"""{"one_time_keys":{"{{{away}}}":{"D":"signed_curve25519"} } }""")).Ok();
        Assert.Equal(["127.0.0.1:1"], claim.GetProperty("failures").EnumerateObject().Select(server => server.Name));
    }

    [Fact]
    public async Task are_believed_of_their_own_server_only()
    {
        await Alice.UploadAsync(10);
        await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var token = KeyClient.Token(await Bob.SyncAsync());
        var mallory = ServerName.Parse("mallory.org");
        var forged = TestKeys.Device(Alice.Id(), Alice.DeviceId, 66);
        foreach (var content in (string[])
            [
                $$"""{"user_id":"{{Alice.UserId}}","device_id":"{{Alice.DeviceId}}","stream_id":9,"prev_id":[],"keys":{{forged}}}""",
                $$"""{"user_id":"{{Bob.UserId}}","device_id":"{{Bob.DeviceId}}","stream_id":9,"deleted":true}""",
                """{"user_id":"@m:mallory.org","device_id":"D","stream_id":9}""",
                """{"user_id":"@m:mallory.org","device_id":"","stream_id":-1,"prev_id":["x"]}""",
                """{"user_id":1,"device_id":[],"stream_id":1.5}""",
            ])
            await TakeAsync(mallory, "m.device_list_update", content);
        var master = TestKeys.CrossSigning(Alice.Id(), "master", 66);
        await TakeAsync(mallory, "m.signing_key_update", $$"""{"user_id":"{{Alice.UserId}}","master_key":{{master}}}""");
        await TakeAsync(mallory, "m.signing_key_update", """{"user_id":"@m:mallory.org","master_key":{}}""");
        Assert.Empty(KeyClient.Changed(await Bob.SyncAsync(token)));
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());

        // Keys of another device than the update names are none.
        var alices = ServerName.Parse(ServerOf(Alice));
        await TakeAsync(
            alices,
            "m.device_list_update",
            $$"""{"user_id":"{{Alice.UserId}}","device_id":"OTHER","stream_id":99,"prev_id":[1],"keys":{{forged}}}""");
        Assert.Empty(KeyClient.Changed(await Bob.SyncAsync(token)));
    }

    [Fact]
    public async Task of_who_joins_a_room_elsewhere_are_told_to_its_servers()
    {
        await Alice.UploadAsync(10);
        var told = new TaskCompletionSource();
        var alices = Encoding.UTF8.GetBytes(TestKeys.Public(10));
        FromFirst.Answer = (request, _) =>
        {
            if (request.Uri.Contains("/send/", StringComparison.Ordinal)
                && request.Content.Span.IndexOf("m.device_list_update"u8) >= 0
                && request.Content.Span.IndexOf(alices) >= 0)
                told.TrySetResult();
            return Task.FromResult<FederationAnswer?>(null);
        };
        var room = await Bob.CreateRoomAsync();
        (await Alice.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Uri.EscapeDataString(ServerOf(Bob))}")).Ok();
        await told.Task.WaitAsync(TimeSpan.FromSeconds(60));
        // It is nothing new to anybody here.
        var token = KeyClient.Token(await Alice.SyncAsync());
        Assert.Empty(KeyClient.Changed(await Alice.SyncAsync(token)));
    }

    [Fact]
    public async Task that_cannot_be_fetched_cost_one_record_however_many_updates_come()
    {
        await Alice.UploadAsync(10);
        await ShareAsync();
        Assert.Equal(TestKeys.Public(10), await SigningKeyAsync());
        var token = KeyClient.Token(await Bob.SyncAsync());
        FromSecond.Answer = (request, _) => Task.FromResult<FederationAnswer?>(
            request.Uri.Contains("/user/", StringComparison.Ordinal) ? new FederationAnswer.Unreachable("away") : null);
        var before = await RecordsAsync();
        for (var n = 0; n < 50; n++)
        {
            await TakeAsync(
                ServerName.Parse(ServerOf(Alice)),
                "m.device_list_update",
                $$"""{"user_id":"{{Alice.UserId}}","device_id":"D{{n}}","stream_id":{{1000 + (2 * n)}},"prev_id":[{{999 + (2 * n)}}]}""");
        }
        Assert.Equal(before + 1, await RecordsAsync());
        token = await IsToldAsync(token);
        // What is outdated is not shown: the server is asked, and it is away.
        var seen = await Bob.QueryAsync(Alice.UserId);
        Assert.Equal([ServerOf(Alice)], seen.GetProperty("failures").EnumerateObject().Select(server => server.Name));
        Assert.Empty(seen.GetProperty("device_keys").EnumerateObject());

        FromSecond.Answer = (_, _) => Task.FromResult<FederationAnswer?>(null);
        await Alice.UploadAsync(11);
        for (var poll = 0; poll < 20 && (await Bob.QueryAsync(Alice.UserId)).GetProperty("failures").EnumerateObject().Any(); poll++)
            token = KeyClient.Token(await Bob.SyncAsync(token, 1_000));
        Assert.Equal(TestKeys.Public(11), await SigningKeyAsync());
    }

    [Fact]
    public async Task signatures_are_made_and_seen_across_servers()
    {
        (await Alice.PostAsync("keys/device_signing/upload", Alice.CrossSigning(1))).Ok();
        (await Bob.PostAsync("keys/device_signing/upload", Bob.CrossSigning(4))).Ok();
        await ShareAsync();
        var signed = TestKeys.Signed(TestKeys.CrossSigning(Alice.Id(), "master", 1), Bob.Id(), (TestKeys.Public(6), 6));
        var reply = await Bob.PostAsync(
            "keys/signatures/upload", $$$"""{"{{{Alice.UserId}}}":{"{{{TestKeys.Public(1)}}}":{{{signed}}} } }""");
        Assert.Equal("""{"failures":{}}""", reply.Text);
        var master = (await Bob.QueryAsync(Alice.UserId)).GetProperty("master_keys").GetProperty(Alice.UserId);
        Assert.True(KeyJson.IsSignedBy(master, Bob.Id(), TestKeys.Public(6)));
    }

    private async Task<int> RecordsAsync()
    {
        var count = 0;
        await foreach (var _ in Second.Services.GetRequiredService<IEventStore>().ReadStreamAsync(
            KeyServerStreams.RemoteDevices(Alice.Id()), null, ReadDirection.Forwards, long.MaxValue))
            count++;
        return count;
    }

    private static JsonProperty[] Devices(JsonElement query) =>
        [.. query.GetProperty("device_keys").EnumerateObject().Single().Value.EnumerateObject()];

    private ValueTask TakeAsync(ServerName origin, string type, string content)
    {
        var edu = JsonElement.Parse($$"""{"edu_type":"{{type}}","content":{{content}}}""");
        var context = new CommandContext(new FactActor(Server: origin.Value), 1_767_225_600_000, "edu");
        return Second.Services.GetRequiredService<InboundEdus>().TakeAsync(context, origin, edu);
    }

    private async Task<string> ShareAsync()
    {
        var room = await Alice.CreateRoomAsync();
        (await Bob.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Uri.EscapeDataString(ServerOf(Alice))}")).Ok();
        // The alices' server knows of the join once bob's first word is there.
        await Alice.SeesAsync(room, await Bob.SendTextAsync(room, "here"));
        return room;
    }

    private async Task<string?> SigningKeyAsync() =>
        KeyJson.SigningKeyOf(KeyJson.Keep(await Bob.DeviceAsync(Alice)), Alice.DeviceId);

    /// <summary>Waits until bob is told of a change, by long polls; answers the token after it.</summary>
    private async Task<string> IsToldAsync(string token)
    {
        for (var poll = 0; poll < 20; poll++)
        {
            var sync = await Bob.SyncAsync(token, 5_000);
            token = KeyClient.Token(sync);
            if (KeyClient.Changed(sync).Contains(Alice.UserId))
                return token;
        }
        throw new Xunit.Sdk.XunitException("bob is not told");
    }

    private int Asked(string path) =>
        FromSecond.Requests.Count(request => request.Uri.Contains(path, StringComparison.Ordinal));
}
