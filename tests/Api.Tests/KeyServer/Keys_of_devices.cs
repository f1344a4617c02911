using System.Text.Json;
using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Kit.KeyServer;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.KeyServer;

public sealed class Keys_of_devices
{
    private const string Signed = "signed_curve25519";

    [Fact]
    public async Task are_shown_as_they_were_uploaded_with_the_devices_name()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.UploadAsync(1);
        (await world.Alice.PutAsync($"devices/{world.Alice.DeviceId}", """{"display_name":"Phone"}""")).Ok();

        var shown = await world.Bob.DeviceAsync(world.Alice);
        Assert.Equal("Phone", shown.GetProperty("unsigned").Text("device_display_name"));
        var uploaded = JsonElement.Parse(world.Alice.DeviceKeys(1));
        foreach (var member in uploaded.EnumerateObject())
            Assert.True(JsonElement.DeepEquals(member.Value, shown.GetProperty(member.Name)));

        // Only the devices that were asked for; who has no keys is there without any, who is nobody is not there.
        var some = (await world.Bob.PostAsync(
            "keys/query",
            $$"""{"device_keys":{"{{world.Alice.UserId}}":["NONE"],"{{world.Bob.UserId}}":[],"@nobody:hs":[]} }""")).Ok();
        var users = some.GetProperty("device_keys");
        Assert.Equal([world.Alice.UserId, world.Bob.UserId], users.EnumerateObject().Select(user => user.Name));
        Assert.All(users.EnumerateObject(), user => Assert.Empty(user.Value.EnumerateObject()));
        Assert.Empty(some.GetProperty("failures").EnumerateObject());

        await world.Server.RestartWithoutDatabaseAsync();
        Assert.True(JsonElement.DeepEquals(shown, await world.Bob.DeviceAsync(world.Alice)));
    }

    [Fact]
    public async Task of_one_time_are_counted_and_given_out_once()
    {
        await using var world = await EduWorld.StartAsync();
        var counts = await world.Alice.UploadAsync(1, $"{Signed}:A", $"{Signed}:B", "curve25519:C");
        Assert.Equal("""{"curve25519":1,"signed_curve25519":2}""", counts.GetRawText());
        counts = await world.Alice.UploadAsync(1, $"{Signed}:B", $"{Signed}:C");
        Assert.Equal(3, counts.GetProperty(Signed).GetInt32());
        Assert.Equal(3, Counts(await world.Alice.SyncAsync(), Signed));

        // Together, and over a restart: nobody gets what another one got.
        var claimed = (await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => world.Bob.ClaimAsync(world.Alice)))).ToList();
        await world.Server.RestartWithoutDatabaseAsync();
        claimed.Add(await world.Bob.ClaimAsync(world.Alice));
        Assert.Equal([$"{Signed}:A", $"{Signed}:B", $"{Signed}:C"], claimed.Order());
        Assert.Null(await world.Bob.ClaimAsync(world.Alice));
        Assert.Equal("curve25519:C", await world.Bob.ClaimAsync(world.Alice, "curve25519"));
        Assert.Equal(0, Counts(await world.Alice.SyncAsync(), Signed));
        Assert.Empty((await world.Alice.PostAsync("keys/upload")).Ok().GetProperty("one_time_key_counts").EnumerateObject());
    }

    [Fact]
    public async Task are_given_out_once_to_many_who_ask_at_once()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.UploadAsync(1, [.. Enumerable.Range(0, 50).Select(n => $"{Signed}:{n}")]);
        var claimed = await Task.WhenAll(Enumerable.Range(0, 60).Select(
            n => (n % 2 == 0 ? world.Bob : world.Alice).ClaimAsync(world.Alice)));
        var given = claimed.OfType<string>().ToList();
        Assert.Equal(50, given.Count);
        Assert.Equal(50, given.Distinct().Count());
    }

    [Fact]
    public async Task to_fall_back_on_are_given_out_last_and_said_to_be_used()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.UploadAsync(1, $"{Signed}:A");
        Assert.Empty(Unused(await world.Alice.SyncAsync()));
        await FallbackAsync(world.Alice, "F");
        var sync = await world.Alice.SyncAsync();
        Assert.Equal([Signed], Unused(sync));

        Assert.Equal($"{Signed}:A", await world.Bob.ClaimAsync(world.Alice));
        Assert.Equal([Signed], Unused(await world.Alice.SyncAsync(KeyClient.Token(sync))));
        Assert.Equal($"{Signed}:F", await world.Bob.ClaimAsync(world.Alice));
        Assert.Equal($"{Signed}:F", await world.Bob.ClaimAsync(world.Alice));
        Assert.Empty(Unused(await world.Alice.SyncAsync(KeyClient.Token(sync))));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Empty(Unused(await world.Alice.SyncAsync(KeyClient.Token(sync))));
        await FallbackAsync(world.Alice, "G");
        Assert.Equal([Signed], Unused(await world.Alice.SyncAsync()));
        Assert.Equal($"{Signed}:G", await world.Bob.ClaimAsync(world.Alice));
    }

    [Fact]
    public async Task go_with_their_device_and_do_not_come_back_with_its_id()
    {
        await using var world = await EduWorld.StartAsync();
        var phone = await KeyClient.LoginAsync(world.Server, "alice", "PHONE");
        await phone.UploadAsync(2, $"{Signed}:A");
        await FallbackAsync(phone, "F");
        (await phone.PostAsync("logout")).Ok();
        Assert.Empty((await world.Bob.QueryAsync(phone.UserId)).GetProperty("device_keys").GetProperty(phone.UserId)
            .EnumerateObject());
        Assert.Null(await world.Bob.ClaimAsync(phone));

        phone = await KeyClient.LoginAsync(world.Server, "alice", "PHONE");
        Assert.Null(await world.Bob.ClaimAsync(phone));
        Assert.Empty((await world.Bob.QueryAsync(phone.UserId)).GetProperty("device_keys").GetProperty(phone.UserId)
            .EnumerateObject());
        await phone.UploadAsync(3, $"{Signed}:A");
        Assert.Equal($"{Signed}:A", await world.Bob.ClaimAsync(phone));
        var auth = """{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}}""";
        (await world.Alice.PostAsync("account/deactivate", auth)).Ok();
        Assert.Empty((await world.Bob.QueryAsync(phone.UserId)).GetProperty("device_keys").GetProperty(phone.UserId)
            .EnumerateObject());
    }

    /// <summary>The server was killed between the account's stream and the keys'.</summary>
    [Fact]
    public async Task that_outlived_their_device_go_at_the_next_start()
    {
        await using var world = await EduWorld.StartAsync();
        var phone = await KeyClient.LoginAsync(world.Server, "alice", "PHONE");
        await phone.UploadAsync(2, $"{Signed}:A");
        var context = new CommandContext(FactActor.Self, 0, "test");
        await world.Server.Services.GetRequiredService<AggregateStore<AccountState>>().ExecuteAsync(
            UserStreams.Account(phone.Id()),
            state => AccountDecider.DeleteDevices(state, phone.Id(), ["PHONE"]),
            context);
        await world.Server.RestartAsync();

        var listed = await world.Server.Services.GetRequiredService<AggregateStore<DeviceKeysState>>()
            .LoadAsync(KeyServerStreams.DeviceKeys(phone.Id()));
        Assert.DoesNotContain("PHONE", listed.State.Devices.Keys);
        Assert.Null(await world.Bob.ClaimAsync(phone));
    }

    [Fact]
    public async Task that_are_none_are_refused_and_leave_nothing()
    {
        await using var world = await EduWorld.StartAsync();
        var (alice, bob) = (world.Alice, world.Bob);
        const string path = "keys/upload";
        (await bob.PostAsync(path, KeyClient.Upload(alice.DeviceKeys(1)))).Refused(400, "M_INVALID_PARAM");
        var other = TestKeys.Device(alice.Id(), "OTHER", 1);
        (await alice.PostAsync(path, KeyClient.Upload(other.ToString()))).Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync(path, """{"device_keys":[]}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync(path, """{"one_time_keys":[]}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync(path, """{"one_time_keys":{"nocolon":"k"}}""")).Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync(path, """{"one_time_keys":{":":"k"}}""")).Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync(path, """{"one_time_keys":{"a:b":1}}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync(path, """{"one_time_keys":{"a:b":{"key":1}}}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync(path, """{"one_time_keys":{"a:b":{"key":"k","n":1.5}}}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync(path, """{"one_time_keys":{"a:b":"\u0000"}}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync(path, """{"fallback_keys":{"a:b":"1","a:c":"2"}}""")).Refused(400, "M_INVALID_PARAM");
        var large = new string('x', 3_000);
        (await alice.PostAsync(path, $$$"""{"one_time_keys":{"a:b":"{{{large}}}"}}""")).Refused(413, "M_TOO_LARGE");
        var keys = string.Join(',', Enumerable.Range(0, 300).Select(n => $"\"a:{n}\":\"k\""));
        (await alice.PostAsync(path, $$$"""{"one_time_keys":{ {{{keys}}} } }""")).Refused(400, "M_INVALID_PARAM");
        Assert.Empty((await alice.PostAsync(path)).Ok().GetProperty("one_time_key_counts").EnumerateObject());

        await alice.UploadAsync(1, "a:1");
        (await alice.PostAsync(path, """{"one_time_keys":{"a:2":"k","a:1":"other"}}""")).Refused(400, "M_UNKNOWN");
        Assert.Equal("a:1", await bob.ClaimAsync(alice, "a"));
        Assert.Null(await bob.ClaimAsync(alice, "a"));

        (await alice.PostAsync("keys/query", "{}")).Refused(400, "M_MISSING_PARAM");
        (await alice.PostAsync("keys/query", """{"device_keys":[]}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync("keys/query", """{"device_keys":{"alice":[]}}""")).Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync("keys/query", """{"device_keys":{"@a:hs":{}}}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync("keys/query", """{"device_keys":{},"timeout":-1}""")).Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync("keys/claim", "{}")).Refused(400, "M_MISSING_PARAM");
        (await alice.PostAsync("keys/claim", """{"one_time_keys":{"@a:hs":{"D":1}}}""")).Refused(400, "M_BAD_JSON");
        (await alice.GetAsync("keys/changes?from=s1")).Refused(400, "M_MISSING_PARAM");
        (await alice.GetAsync("keys/changes?from=x&to=s1")).Refused(400, "M_INVALID_PARAM");
    }

    [Fact]
    public async Task that_are_used_up_are_counted_as_none()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.UploadAsync(1, $"{Signed}:A");
        Assert.Equal($"{Signed}:A", await world.Bob.ClaimAsync(world.Alice));

        // In sliding sync, matrix-rust-sdk takes a count that is not there for one that has not changed: with an empty
        // object it never made new keys.
        Assert.Equal("""{"signed_curve25519":0}""", Written(await world.Alice.SyncAsync()));
        var sliding = (await world.Alice.PostAsync(
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", """{"extensions":{"e2ee":{"enabled":true}}}""")).Ok();
        Assert.Equal("""{"signed_curve25519":0}""", Written(sliding.GetProperty("extensions").GetProperty("e2ee")));
    }

    [Fact]
    public async Task are_claimed_with_a_timeout_that_is_no_number()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.UploadAsync(1, $"{Signed}:A");

        // Element Web 1.11.50 could send no encrypted message here: it was refused for this timeout.
        var claimed = (await world.Bob.PostAsync("keys/claim", $$$"""
            {"one_time_keys":{"{{{world.Alice.UserId}}}":{"{{{world.Alice.DeviceId}}}":"{{{Signed}}}"} },
             "timeout":{"secs":10,"nanos":0} }
            """)).Ok();

        Assert.Equal($"{Signed}:A", claimed.GetProperty("one_time_keys").GetProperty(world.Alice.UserId)
            .GetProperty(world.Alice.DeviceId).EnumerateObject().Single().Name);
    }

    private static string Written(JsonElement keys) => keys.GetProperty("device_one_time_keys_count").GetRawText();

    private static async Task FallbackAsync(TestUser user, string id) => (await user.PostAsync(
        "keys/upload",
        $$$"""{"fallback_keys":{"{{{Signed}}}:{{{id}}}":{"key":"{{{id}}}","fallback":true,"signatures":{} } } }""")).Ok();

    private static int Counts(JsonElement sync, string algorithm) =>
        sync.GetProperty("device_one_time_keys_count").TryGetProperty(algorithm, out var count) ? count.GetInt32() : 0;

    private static string[] Unused(JsonElement sync) =>
        [.. sync.GetProperty("device_unused_fallback_key_types").EnumerateArray().Select(one => one.GetString()!)];
}
