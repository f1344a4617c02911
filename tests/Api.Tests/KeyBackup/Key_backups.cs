using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.KeyBackup;

public sealed class Key_backups : IAsyncLifetime
{
    private const string Algorithm = "m.megolm_backup.v1.curve25519-aes-sha2";
    private const string Create = $$"""{"algorithm":"{{Algorithm}}","auth_data":{"public_key":"abc"} }""";
    private const string Room = "room_keys/keys/!room:hs";

    private TestHomeserver _server = null!;
    private TestUser _alice = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        _alice = await _server.RegisterAsync("alice");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task are_made_shown_changed_and_deleted()
    {
        (await _alice.GetAsync("room_keys/version")).Refused(404, "M_NOT_FOUND");
        var first = await CreateAsync();
        var second = await CreateAsync();
        Assert.NotEqual(first, second);
        Assert.Equal(second, (await _alice.GetAsync("room_keys/version")).Ok().Text("version"));
        var shown = (await _alice.GetAsync($"room_keys/version/{first}")).Ok();
        Assert.Equal(Algorithm, shown.Text("algorithm"));
        Assert.Equal("abc", shown.GetProperty("auth_data").Text("public_key"));
        Assert.Equal(0, shown.GetProperty("count").GetInt64());

        var changed = $$"""{"algorithm":"{{Algorithm}}","auth_data":{"public_key":"other"},"version":"{{first}}"}""";
        (await _alice.PutAsync($"room_keys/version/{first}", changed)).Ok();
        shown = (await _alice.GetAsync($"room_keys/version/{first}")).Ok();
        Assert.Equal("other", shown.GetProperty("auth_data").Text("public_key"));
        (await _alice.PutAsync($"room_keys/version/{second}", changed)).Refused(400, "M_INVALID_PARAM");
        (await _alice.PutAsync($"room_keys/version/{first}", """{"algorithm":"x","auth_data":{}}"""))
            .Refused(400, "M_INVALID_PARAM");
        (await _alice.PutAsync("room_keys/version/77", Create)).Refused(404, "M_NOT_FOUND");

        (await _alice.DeleteAsync($"room_keys/version/{second}")).Ok();
        (await _alice.DeleteAsync($"room_keys/version/{second}")).Ok();
        (await _alice.DeleteAsync("room_keys/version/77")).Refused(404, "M_NOT_FOUND");
        (await _alice.DeleteAsync("room_keys/version/01")).Refused(404, "M_NOT_FOUND");
        (await _alice.GetAsync($"room_keys/version/{second}")).Refused(404, "M_NOT_FOUND");
        Assert.Equal(first, (await _alice.GetAsync("room_keys/version")).Ok().Text("version"));
    }

    [Fact]
    public async Task take_keys_at_three_depths_and_give_them_back()
    {
        var version = await CreateAsync();
        (await _alice.PutAsync($"{Room}/s1?version={version}", Key(1))).Ok();
        (await _alice.PutAsync($"{Room}?version={version}", Sessions(("s2", Key(2)), ("s/3", Key(3))))).Ok();
        var answer = (await _alice.PutAsync(
            $"room_keys/keys?version={version}",
            $$"""{"rooms":{"!other:hs":{{Sessions(("s1", Key(4)))}} } }""")).Ok();
        Assert.Equal(4, answer.GetProperty("count").GetInt64());
        var shown = (await _alice.GetAsync("room_keys/version")).Ok();
        Assert.Equal((4, answer.Text("etag")), (shown.GetProperty("count").GetInt64(), shown.Text("etag")));

        var all = (await _alice.GetAsync($"room_keys/keys?version={version}")).Ok().GetProperty("rooms");
        Assert.Equal(["!other:hs", "!room:hs"], all.EnumerateObject().Select(room => room.Name));
        Assert.Equal(4, IndexOf(all.GetProperty("!other:hs").GetProperty("sessions").GetProperty("s1")));
        var room = (await _alice.GetAsync($"{Room}?version={version}")).Ok().GetProperty("sessions");
        Assert.Equal(["s/3", "s1", "s2"], room.EnumerateObject().Select(session => session.Name));
        var one = (await _alice.GetAsync($"{Room}/s%2F3?version={version}")).Ok();
        Assert.Equal("c3", one.GetProperty("session_data").Text("ciphertext"));
        Assert.False(one.GetProperty("is_verified").GetBoolean());

        (await _alice.GetAsync($"{Room}/none?version={version}")).Refused(404, "M_NOT_FOUND");
        Assert.Empty((await _alice.GetAsync($"room_keys/keys/!none:hs?version={version}")).Ok()
            .GetProperty("sessions").EnumerateObject());
        (await _alice.GetAsync("room_keys/keys?version=77")).Refused(404, "M_NOT_FOUND");
        (await _alice.GetAsync("room_keys/keys")).Refused(400, "M_MISSING_PARAM");
    }

    [Fact]
    public async Task keep_the_better_key_and_change_their_etag_with_their_keys_only()
    {
        var version = await CreateAsync();
        var first = (await _alice.PutAsync($"{Room}/s?version={version}", Key(5, isVerified: false, forwarded: 1))).Ok();
        var worse = (await _alice.PutAsync($"{Room}/s?version={version}", Key(6, isVerified: false, forwarded: 0))).Ok();
        Assert.Equal(first.Text("etag"), worse.Text("etag"));
        Assert.Equal(5, await IndexAsync(version));
        var lower = (await _alice.PutAsync($"{Room}/s?version={version}", Key(4, isVerified: false, forwarded: 1))).Ok();
        Assert.NotEqual(first.Text("etag"), lower.Text("etag"));
        Assert.Equal(1, lower.GetProperty("count").GetInt64());
        (await _alice.PutAsync($"{Room}/s?version={version}", Key(9, isVerified: true, forwarded: 9))).Ok();
        (await _alice.PutAsync($"{Room}/s?version={version}", Key(0, isVerified: false, forwarded: 0))).Ok();
        Assert.Equal(9, await IndexAsync(version));
        var before = (await _alice.GetAsync("room_keys/version")).Text;
        await _server.RestartWithoutDatabaseAsync();
        Assert.Equal(before, (await _alice.GetAsync("room_keys/version")).Text);
        Assert.Equal(9, await IndexAsync(version));
    }

    [Fact]
    public async Task that_are_not_current_take_no_keys_and_say_which_one_is()
    {
        var old = await CreateAsync();
        (await _alice.PutAsync($"{Room}/s?version={old}", Key(1))).Ok();
        var current = await CreateAsync();
        var refused = await _alice.PutAsync($"{Room}/s?version={old}", Key(0));
        refused.Refused(403, "M_WRONG_ROOM_KEYS_VERSION");
        Assert.Equal(current, refused.Json.Text("current_version"));
        (await _alice.PutAsync($"{Room}/s?version=77", Key(0))).Refused(404, "M_NOT_FOUND");
        Assert.Equal(1, await IndexAsync(old));
        // What is in it can still be taken out.
        var deleted = (await _alice.DeleteAsync($"{Room}/s?version={old}")).Ok();
        Assert.Equal(0, deleted.GetProperty("count").GetInt64());
    }

    [Fact]
    public async Task lose_keys_by_session_by_room_and_all()
    {
        var version = await CreateAsync();
        (await _alice.PutAsync($"{Room}?version={version}", Sessions(("a", Key(1)), ("b", Key(1)), ("c", Key(1))))).Ok();
        (await _alice.PutAsync($"room_keys/keys/!other:hs/a?version={version}", Key(1))).Ok();
        Assert.Equal(3, Count(await _alice.DeleteAsync($"{Room}/a?version={version}")));
        var etag = (await _alice.GetAsync("room_keys/version")).Ok().Text("etag");
        Assert.Equal(etag, (await _alice.DeleteAsync($"{Room}/a?version={version}")).Ok().Text("etag"));
        Assert.Equal(1, Count(await _alice.DeleteAsync($"{Room}?version={version}")));
        Assert.Equal(0, Count(await _alice.DeleteAsync($"room_keys/keys?version={version}")));
        Assert.Equal("""{"rooms":{}}""", (await _alice.GetAsync($"room_keys/keys?version={version}")).Text);
        (await _alice.DeleteAsync("room_keys/keys?version=77")).Refused(404, "M_NOT_FOUND");
        (await _alice.DeleteAsync("room_keys/keys")).Refused(400, "M_MISSING_PARAM");

        // A key that went may come again; a backup that went takes its keys along, for good.
        Assert.Equal(1, Count(await _alice.PutAsync($"{Room}/a?version={version}", Key(1))));
        (await _alice.DeleteAsync($"room_keys/version/{version}")).Ok();
        (await _alice.GetAsync($"{Room}/a?version={version}")).Refused(404, "M_NOT_FOUND");
        await _server.RestartWithoutDatabaseAsync();
        (await _alice.GetAsync($"{Room}/a?version={version}")).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task of_two_who_write_at_once_both_are_kept_and_the_better_key_stays()
    {
        var version = await CreateAsync();
        var writes = Enumerable.Range(0, 20).Select(n => _alice.PutAsync(
            $"{Room}?version={version}", Sessions(("same", Key(20 - n)), ($"own{n}", Key(n)))));
        var answers = await Task.WhenAll(writes);
        Assert.All(answers, answer => answer.Ok());
        // Each was answered for itself: no two say the same.
        Assert.Distinct(answers.Select(answer => answer.Json.Text("etag")));
        Assert.Equal(21, (await _alice.GetAsync("room_keys/version")).Ok().GetProperty("count").GetInt64());
        Assert.Equal(1, IndexOf((await _alice.GetAsync($"{Room}/same?version={version}")).Ok()));
    }

    [Fact]
    public async Task take_thousands_of_keys_in_batches()
    {
        var version = await CreateAsync();
        var data = new string('x', 1_200);
        for (var batch = 0; batch < 20; batch++)
        {
            var sessions = Enumerable.Range(0, 150).Select(n => ($"{batch}-{n}", Key(n, data: data))).ToArray();
            (await _alice.PutAsync($"{Room}?version={version}", Sessions(sessions))).Ok();
        }
        Assert.Equal(3_000, (await _alice.GetAsync("room_keys/version")).Ok().GetProperty("count").GetInt64());
        var all = (await _alice.GetAsync($"room_keys/keys?version={version}")).Ok().GetProperty("rooms");
        Assert.Equal(3_000, all.GetProperty("!room:hs").GetProperty("sessions").EnumerateObject().Count());
    }

    [Fact]
    public async Task belong_to_their_user_alone()
    {
        var version = await CreateAsync();
        (await _alice.PutAsync($"{Room}/s?version={version}", Key(1))).Ok();
        var bob = await _server.RegisterAsync("bob");
        (await bob.GetAsync($"{Room}/s?version={version}")).Refused(404, "M_NOT_FOUND");
        (await bob.PutAsync($"{Room}/s?version={version}", Key(0))).Refused(404, "M_NOT_FOUND");
        (await bob.DeleteAsync($"room_keys/version/{version}")).Refused(404, "M_NOT_FOUND");
        (await _server.SendAsync("GET", "room_keys/version")).Refused(401, "M_MISSING_TOKEN");
    }

    [Theory]
    [InlineData("""{"auth_data":{}}""", "M_MISSING_PARAM")]
    [InlineData("""{"algorithm":"a"}""", "M_MISSING_PARAM")]
    [InlineData("""{"algorithm":7,"auth_data":{}}""", "M_BAD_JSON")]
    [InlineData("""{"algorithm":"","auth_data":{}}""", "M_INVALID_PARAM")]
    [InlineData("""{"algorithm":"a","auth_data":[]}""", "M_BAD_JSON")]
    [InlineData("[]", "M_BAD_JSON")]
    [InlineData("nothing", "M_NOT_JSON")]
    public async Task are_not_made_of_what_is_no_backup(string body, string errCode) =>
        (await _alice.PostAsync("room_keys/version", body)).Refused(400, errCode);

    [Theory]
    [InlineData("", "{}", "M_MISSING_PARAM")]
    [InlineData("", """{"rooms":[]}""", "M_BAD_JSON")]
    [InlineData("", """{"rooms":{"!r:hs":7}}""", "M_BAD_JSON")]
    [InlineData("", """{"rooms":{"!r:hs":{}}}""", "M_MISSING_PARAM")]
    [InlineData("", """{"rooms":{"#r:hs":{"sessions":{"s":{"first_message_index":0,"forwarded_count":0,"is_verified":true,"session_data":{}}}}}}""", "M_INVALID_PARAM")]
    [InlineData("/!r:hs", """{"sessions":{"s":[]}}""", "M_BAD_JSON")]
    [InlineData("/!r:hs", """{"sessions":{"":{"first_message_index":0,"forwarded_count":0,"is_verified":true,"session_data":{}}}}""", "M_INVALID_PARAM")]
    [InlineData("/!r:hs/s", "{}", "M_MISSING_PARAM")]
    [InlineData("/!r:hs/s", """{"first_message_index":"0","forwarded_count":0,"is_verified":true,"session_data":{}}""", "M_BAD_JSON")]
    [InlineData("/!r:hs/s", """{"first_message_index":0.5,"forwarded_count":0,"is_verified":true,"session_data":{}}""", "M_BAD_JSON")]
    [InlineData("/!r:hs/s", """{"first_message_index":-1,"forwarded_count":0,"is_verified":true,"session_data":{}}""", "M_INVALID_PARAM")]
    [InlineData("/!r:hs/s", """{"first_message_index":0,"forwarded_count":0,"is_verified":1,"session_data":{}}""", "M_BAD_JSON")]
    [InlineData("/!r:hs/s", """{"first_message_index":0,"forwarded_count":0,"is_verified":true,"session_data":7}""", "M_BAD_JSON")]
    public async Task take_no_keys_that_are_none_and_stay_as_they_are(string path, string body, string errCode)
    {
        var version = await CreateAsync();
        (await _alice.PutAsync($"room_keys/keys{path}?version={version}", body)).Refused(400, errCode);
        Assert.Equal(0, (await _alice.GetAsync("room_keys/version")).Ok().GetProperty("count").GetInt64());
    }

    [Fact]
    public async Task are_bounded()
    {
        var version = await CreateAsync();
        (await _alice.PutAsync($"{Room}/s?version={version}", Key(1, data: new string('x', 70_000))))
            .Refused(413, "M_TOO_LARGE");
        (await _alice.PostAsync(
            "room_keys/version", $$"""{"algorithm":"a","auth_data":{"public_key":"{{new string('x', 70_000)}}"} }"""))
            .Refused(413, "M_TOO_LARGE");
        (await _alice.PutAsync($"{Room}/{new string('s', 256)}?version={version}", Key(1))).Refused(400, "M_INVALID_PARAM");
    }

    private async Task<string> CreateAsync() =>
        (await _alice.PostAsync("room_keys/version", Create)).Ok().Text("version");

    private async Task<long> IndexAsync(string version) =>
        IndexOf((await _alice.GetAsync($"{Room}/s?version={version}")).Ok());

    private static long IndexOf(JsonElement key) => key.GetProperty("first_message_index").GetInt64();

    private static long Count(Reply reply) => reply.Ok().GetProperty("count").GetInt64();

    private static string Sessions(params (string Id, string Key)[] sessions) =>
        $$"""{"sessions":{{{string.Join(',', sessions.Select(session => $"\"{session.Id}\":{session.Key}"))}} } }""";

    private static string Key(int index, bool isVerified = false, int forwarded = 0, string? data = null) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""
        {"first_message_index":{{index}},"forwarded_count":{{forwarded}},"is_verified":{{(isVerified ? "true" : "false")}},
        "session_data":{"ephemeral":"e","ciphertext":"{{data ?? $"c{index}"}}","mac":"m"} }
        """);
}
