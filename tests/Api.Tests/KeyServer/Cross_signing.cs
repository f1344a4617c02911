using System.Text.Json;
using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Kit.KeyServer;

namespace Matrix.EventSourced.Api.Tests.KeyServer;

public sealed class Cross_signing
{
    private const string Path = "keys/device_signing/upload";

    [Fact]
    public async Task keys_are_shown_and_the_user_signing_key_to_its_user_only()
    {
        await using var world = await EduWorld.StartAsync();
        var (alice, bob) = (world.Alice, world.Bob);
        var token = KeyClient.Token(await bob.SyncAsync());
        (await alice.PostAsync(Path, alice.CrossSigning(1))).Ok();
        Assert.Equal([alice.UserId], KeyClient.Changed(await bob.SyncAsync(token)));

        var seen = await bob.QueryAsync(alice.UserId);
        Assert.Equal(TestKeys.Public(1), KeyOf(seen, "master_keys", alice));
        Assert.Equal(TestKeys.Public(2), KeyOf(seen, "self_signing_keys", alice));
        Assert.Empty(seen.GetProperty("user_signing_keys").EnumerateObject());
        Assert.Equal(TestKeys.Public(3), KeyOf(await alice.QueryAsync(alice.UserId), "user_signing_keys", alice));
    }

    [Fact]
    public async Task keys_are_replaced_only_by_who_knows_the_password()
    {
        await using var world = await EduWorld.StartAsync();
        var alice = world.Alice;
        (await alice.PostAsync(Path, alice.CrossSigning(1))).Ok();
        (await alice.PostAsync(Path, alice.CrossSigning(1))).Ok();

        var challenge = await alice.PostAsync(Path, alice.CrossSigning(4));
        Assert.Equal(401, challenge.Status);
        Assert.Equal(TestKeys.Public(1), KeyOf(await alice.QueryAsync(alice.UserId), "master_keys", alice));
        var session = challenge.Json.Text("session");
        const string who = "\"type\":\"m.login.password\",\"identifier\":{\"type\":\"m.id.user\",\"user\":\"alice\"}";
        var auth = $$$""","auth":{{{{who}}},"password":"secret","session":"{{{session}}}"} }""";
        // Other keys than the session began with.
        Assert.Equal(403, (await alice.PostAsync(Path, WithAuth(alice.CrossSigning(7), auth))).Status);
        (await alice.PostAsync(Path, WithAuth(alice.CrossSigning(4), auth))).Ok();
        Assert.Equal(TestKeys.Public(4), KeyOf(await alice.QueryAsync(alice.UserId), "master_keys", alice));
        (await alice.PostAsync(Path, WithAuth(alice.CrossSigning(4), auth))).Ok();
    }

    [Fact]
    public async Task keys_that_are_none_are_refused()
    {
        await using var world = await EduWorld.StartAsync();
        var (alice, bob) = (world.Alice, world.Bob);
        var master = TestKeys.CrossSigning(alice.Id(), "master", 1);
        (await alice.PostAsync(Path, """{"master_key":[]}""")).Refused(400, "M_BAD_JSON");
        (await bob.PostAsync(Path, $$"""{"master_key":{{master}}}""")).Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync(Path, $$"""{"self_signing_key":{{master}}}""")).Refused(400, "M_INVALID_PARAM");
        var own = TestKeys.CrossSigning(alice.Id(), "self_signing", 2, 1);
        (await alice.PostAsync(Path, $$"""{"self_signing_key":{{own}}}""")).Refused(400, "M_MISSING_PARAM");
        var unsigned = TestKeys.CrossSigning(alice.Id(), "self_signing", 2);
        (await alice.PostAsync(Path, $$"""{"master_key":{{master}},"self_signing_key":{{unsigned}}}"""))
            .Refused(400, "M_INVALID_SIGNATURE");
        var misnamed = $$$"""{"user_id":"{{{alice.UserId}}}","usage":["master"],"keys":{"ed25519:x":"{{{TestKeys.Public(1)}}}"} }""";
        (await alice.PostAsync(Path, $$"""{"master_key":{{misnamed}}}""")).Refused(400, "M_INVALID_PARAM");
        var device = await KeyClient.LoginAsync(world.Server, "alice", TestKeys.Public(1));
        (await device.PostAsync(Path, $$"""{"master_key":{{master}}}""")).Refused(403, "M_FORBIDDEN");
        Assert.Empty((await alice.QueryAsync(alice.UserId)).GetProperty("master_keys").EnumerateObject());
    }

    [Fact]
    public async Task nobody_logs_in_on_a_device_with_the_name_of_a_cross_signing_key()
    {
        await using var world = await EduWorld.StartAsync();
        (await world.Alice.PostAsync(Path, world.Alice.CrossSigning(1))).Ok();
        (await world.Server.SendAsync(
            "POST",
            "login",
            null,
            $$"""{"type":"m.login.password","user":"alice","password":"secret","device_id":"{{TestKeys.Public(2)}}"}"""))
            .Refused(403, "M_FORBIDDEN");
        Assert.DoesNotContain(TestKeys.Public(2), (await world.Alice.GetAsync("devices")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task signatures_are_taken_from_the_right_keys_and_shown_to_the_right_people()
    {
        await using var world = await EduWorld.StartAsync();
        var (alice, bob) = (world.Alice, world.Bob);
        await alice.UploadAsync(10);
        (await alice.PostAsync(Path, alice.CrossSigning(1))).Ok();
        (await bob.PostAsync(Path, bob.CrossSigning(4))).Ok();
        var device = TestKeys.Signed(
            TestKeys.Device(alice.Id(), alice.DeviceId, 10), alice.Id(), (TestKeys.Public(2), 2));
        var own = TestKeys.Signed(TestKeys.CrossSigning(alice.Id(), "master", 1), alice.Id(), (alice.DeviceId, 10));
        var bobs = TestKeys.Signed(TestKeys.CrossSigning(bob.Id(), "master", 4), alice.Id(), (TestKeys.Public(3), 3));
        var token = KeyClient.Token(await alice.SyncAsync());
        var bobsToken = KeyClient.Token(await bob.SyncAsync());

        var body = $$$"""
            {"{{{alice.UserId}}}":{"{{{alice.DeviceId}}}":{{{device}}},"{{{TestKeys.Public(1)}}}":{{{own}}} },
            "{{{bob.UserId}}}":{"{{{TestKeys.Public(4)}}}":{{{bobs}}} } }
            """;
        Assert.Equal("""{"failures":{}}""", (await alice.PostAsync("keys/signatures/upload", body)).Text);
        Assert.Equal([alice.UserId, bob.UserId], KeyClient.Changed(await alice.SyncAsync(token)));
        Assert.Equal([alice.UserId], KeyClient.Changed(await bob.SyncAsync(bobsToken)));

        var seen = await bob.DeviceAsync(alice);
        Assert.True(KeyJson.IsSignedBy(seen, alice.Id(), TestKeys.Public(2)));
        Assert.Equal(
            [$"ed25519:{alice.DeviceId}"],
            KeyJson.SignaturesOf(Key(await bob.QueryAsync(alice.UserId), "master_keys", alice), alice.Id())
                .Select(one => one.KeyId));
        // Whom alice trusts, nobody but alice sees.
        Assert.True(KeyJson.IsSignedBy(
            Key(await alice.QueryAsync(bob.UserId), "master_keys", bob), alice.Id(), TestKeys.Public(3)));
        Assert.Empty(KeyJson.SignaturesOf(Key(await bob.QueryAsync(bob.UserId), "master_keys", bob), alice.Id()));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.True(KeyJson.IsSignedBy(
            Key(await alice.QueryAsync(bob.UserId), "master_keys", bob), alice.Id(), TestKeys.Public(3)));
    }

    [Fact]
    public async Task signatures_that_do_not_hold_are_failures_of_their_own()
    {
        await using var world = await EduWorld.StartAsync();
        var (alice, bob) = (world.Alice, world.Bob);
        await alice.UploadAsync(10);
        (await alice.PostAsync(Path, alice.CrossSigning(1))).Ok();
        var forged = TestKeys.Signed(
            TestKeys.Device(alice.Id(), alice.DeviceId, 10), alice.Id(), (TestKeys.Public(2), 9));
        var body = $$$"""
            {"{{{alice.UserId}}}":{"{{{alice.DeviceId}}}":{{{forged}}},"NONE":{{{forged}}} },
            "{{{bob.UserId}}}":{"{{{TestKeys.Public(4)}}}":{{{forged}}} } }
            """;
        var failures = (await alice.PostAsync("keys/signatures/upload", body)).Ok().GetProperty("failures");
        Assert.Equal("M_INVALID_SIGNATURE", failures.GetProperty(alice.UserId).GetProperty(alice.DeviceId).Text("errcode"));
        Assert.Equal("M_NOT_FOUND", failures.GetProperty(alice.UserId).GetProperty("NONE").Text("errcode"));
        Assert.Equal("M_NOT_FOUND", failures.GetProperty(bob.UserId).GetProperty(TestKeys.Public(4)).Text("errcode"));
        (await alice.PostAsync("keys/signatures/upload", """{"@a:hs":[]}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync("keys/signatures/upload", """{"@a:hs":{"D":1}}""")).Refused(400, "M_BAD_JSON");
        (await alice.PostAsync("keys/signatures/upload", """{"a":{}}""")).Refused(400, "M_INVALID_PARAM");
    }

    private static string WithAuth(string keys, string auth) => keys[..keys.LastIndexOf('}')] + auth;

    private static JsonElement Key(JsonElement query, string section, TestUser user) =>
        query.GetProperty(section).GetProperty(user.UserId);

    private static string? KeyOf(JsonElement query, string section, TestUser user) =>
        KeyJson.PublicKeyOf(Key(query, section, user));
}
