using Matrix.EventSourced.Kit.Hosting;
using static Matrix.EventSourced.Api.Tests.Rooms.RoomsServer;

namespace Matrix.EventSourced.Api.Tests.Rooms;

public sealed class Room_writing_endpoints(RoomsServer rooms) : IClassFixture<RoomsServer>
{
    private TestUser Alice => rooms.Alice;

    private TestUser Bob => rooms.Bob;

    private TestUser Carol => rooms.Carol;

    [Theory]
    [InlineData("1")]
    [InlineData("6")]
    [InlineData("10")]
    [InlineData("12")]
    public async Task take_two_users_through_the_life_of_a_room(string version)
    {
        var room = await Alice.CreateRoomAsync(
            $$"""{"room_version":"{{version}}","invite":["{{Bob.UserId}}"],"name":"The pub"}""");
        (await Carol.PostAsync(Path(room, "join"))).Refused(403, "M_FORBIDDEN");
        Assert.Equal(room, (await Bob.PostAsync(Path(room, "join"))).Ok().Text("room_id"));
        var sent = await Bob.SendTextAsync(room, "hello");
        var state = await Alice.SetStateAsync(room, "m.room.topic", "", """{"topic":"Hours"}""");
        Assert.Equal(state, await Alice.SetStateAsync(room, "m.room.topic", "", """{"topic":"Hours"}"""));

        var chunk = (await Alice.GetAsync(Path(room, "messages?dir=b&limit=2"))).Ok().GetProperty("chunk");

        Assert.Equal([state, sent], chunk.EnumerateArray().Select(entry => entry.Text("event_id")));
        Assert.Equal("hello", chunk[1].GetProperty("content").Text("body"));
        (await Bob.PutAsync(Path(room, "state/m.room.name"), """{"name":"Mine"}""")).Refused(403, "M_FORBIDDEN");
        (await Alice.PutAsync(Path(room, "state/m.room.name/"), """{"name":"Ours"}""")).Ok();
        Assert.Equal("Ours", (await Bob.GetAsync(Path(room, "state/m.room.name"))).Ok().Text("name"));
        (await Bob.PostAsync(Path(room, "leave"))).Ok();
        (await Bob.PutAsync(Path(room, "send/m.room.message/x"), "{}")).Refused(403, "M_FORBIDDEN");
    }

    [Theory]
    [InlineData("10")]
    [InlineData("11")]
    public async Task redact_by_both_endpoints(string version)
    {
        var room = await Alice.CreateRoomAsync($$"""{"preset":"public_chat","room_version":"{{version}}"}""");
        await Bob.JoinAsync(room);
        var first = await Bob.SendTextAsync(room, "oops");
        var second = await Bob.SendTextAsync(room, "oops again");

        var redaction = (
            await Alice.PutAsync(Path(room, $"redact/{Uri.EscapeDataString(first)}/r1"), """{"reason":"spam"}"""))
            .Ok().Text("event_id");
        await Bob.SendAsync(room, "m.room.redaction", $$"""{"redacts":"{{second}}"}""");

        foreach (var redacted in new[] { first, second })
        {
            var seen = (await Alice.GetAsync(Path(room, $"event/{Uri.EscapeDataString(redacted)}"))).Ok();
            Assert.Empty(seen.GetProperty("content").EnumerateObject());
            var because = seen.GetProperty("unsigned").GetProperty("redacted_because");
            Assert.Equal("m.room.redaction", because.Text("type"));
            Assert.Equal(redacted, because.Text("redacts"));
            Assert.Equal(redacted, because.GetProperty("content").Text("redacts"));
        }
        Assert.Equal(
            redaction,
            (await Alice.PutAsync(Path(room, $"redact/{Uri.EscapeDataString(first)}/r1"), "{}")).Ok().Text("event_id"));
        (await Carol.PutAsync(
            Path(room, $"redact/{Uri.EscapeDataString(first)}/r2"), "{}")).Refused(403, "M_FORBIDDEN");
        (await Alice.PutAsync(Path(room, "redact/%24none/r3"), "{}")).Refused(404, "M_NOT_FOUND");
        (await Alice.PutAsync(Path(room, "redact/none/r4"), "{}")).Refused(400, "M_INVALID_PARAM");
        (await Alice.PutAsync(Path(room, "send/m.room.redaction/r5"), "{}")).Refused(400, "M_MISSING_PARAM");
    }

    [Fact]
    public async Task invite_kick_ban_and_forget()
    {
        var room = await Alice.CreateRoomAsync("{}");
        (await Alice.PostAsync(Path(room, "invite"), $$"""{"user_id":"{{Bob.UserId}}","reason":"come"}""")).Ok();
        (await Bob.PostAsync(Path(room, "forget"))).Refused(400, "M_UNKNOWN");
        (await Bob.PostAsync(Path(room, "join"))).Ok();
        (await Bob.PostAsync(Path(room, "kick"), $$"""{"user_id":"{{Alice.UserId}}"}""")).Refused(403, "M_FORBIDDEN");
        (await Alice.PostAsync(Path(room, "kick"), $$"""{"user_id":"{{Bob.UserId}}","reason":"out"}""")).Ok();
        (await Alice.PostAsync(Path(room, "ban"), $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        (await Bob.PostAsync(Path(room, "join"))).Refused(403, "M_FORBIDDEN");
        (await Bob.PostAsync(Path(room, "forget"))).Ok();
        (await Alice.PostAsync(Path(room, "unban"), $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        (await Alice.PostAsync(Path(room, "invite"), $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        (await Bob.PostAsync(Path(room, "leave"), """{"reason":"no"}""")).Ok();
    }

    [Fact]
    public async Task point_aliases_to_rooms_and_list_them()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"public_chat","room_alias_name":"pub"}""");
        const string alias = "directory/room/%23other%3Ahs";

        (await Alice.PutAsync(alias, $$"""{"room_id":"{{room}}"}""")).Ok();
        (await Alice.PutAsync(alias, $$"""{"room_id":"{{room}}"}""")).Refused(409, "M_UNKNOWN");
        var found = (await rooms.Server.SendAsync("GET", alias)).Ok();
        Assert.Equal((room, "hs"), (found.Text("room_id"), found.GetProperty("servers")[0].GetString()));
        Assert.Equal(
            ["#other:hs", "#pub:hs"],
            (await Alice.GetAsync(Path(room, "aliases"))).Ok().GetProperty("aliases").EnumerateArray().Select(
                entry => entry.GetString()));
        (await Carol.GetAsync(Path(room, "aliases"))).Refused(403, "M_FORBIDDEN");
        await Bob.JoinAsync("#other:hs");
        (await Bob.DeleteAsync(alias)).Refused(403, "M_FORBIDDEN");
        (await Alice.DeleteAsync(alias)).Ok();
        (await rooms.Server.SendAsync("GET", alias)).Refused(404, "M_NOT_FOUND");
        (await rooms.Server.SendAsync("GET", "directory/room/nothing")).Refused(400, "M_INVALID_PARAM");
        (await Alice.PostAsync("createRoom", """{"room_alias_name":"pub"}""")).Refused(400, "M_ROOM_IN_USE");
    }

    [Fact]
    public async Task list_rooms_in_the_directory()
    {
        var room = await Alice.CreateRoomAsync("""{"visibility":"public","name":"Listed here"}""");
        var path = $"directory/list/room/{Uri.EscapeDataString(room)}";

        Assert.Equal("public", (await rooms.Server.SendAsync("GET", path)).Ok().Text("visibility"));
        (await Bob.PutAsync(path, """{"visibility":"private"}""")).Refused(403, "M_FORBIDDEN");
        (await Alice.PutAsync(path, """{"visibility":"neither"}""")).Refused(400, "M_INVALID_PARAM");
        (await Alice.PutAsync(path, """{"visibility":"private"}""")).Ok();
        Assert.Equal("private", (await rooms.Server.SendAsync("GET", path)).Ok().Text("visibility"));
        (await rooms.Server.SendAsync("GET", "directory/list/room/%21none%3Ahs")).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task knock_and_be_invited()
    {
        var room = await Alice.CreateRoomAsync("""{"room_alias_name":"knocking"}""");
        (await Bob.PostAsync("knock/%23knocking%3Ahs")).Refused(403, "M_FORBIDDEN");
        await Alice.SetStateAsync(room, "m.room.join_rules", "", """{"join_rule":"knock"}""");

        Assert.Equal(
            room, (await Bob.PostAsync("knock/%23knocking%3Ahs", """{"reason":"please"}""")).Ok().Text("room_id"));
        (await Alice.PostAsync(Path(room, "invite"), $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        await Bob.JoinAsync(room);
        (await Bob.PostAsync("knock/%23none%3Ahs")).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task carry_a_new_name_into_joined_rooms()
    {
        var dora = await rooms.Server.RegisterAsync("dora");
        var room = await Alice.CreateRoomAsync();
        await dora.JoinAsync(room);

        (await dora.PutAsync($"profile/{dora.UserId}/displayname", """{"displayname":"Dora D."}""")).Ok();

        var member = (await Alice.GetAsync(Path(room, $"state/m.room.member/{dora.UserId}"))).Ok();
        Assert.Equal("Dora D.", member.Text("displayname"));
    }

    [Fact]
    public async Task answer_the_same_request_with_the_same_event()
    {
        var room = await Alice.CreateRoomAsync();
        var first = await Alice.SendAsync(room, "m.room.message", """{"body":"a","msgtype":"m.text"}""", "same");
        var again = await Alice.SendAsync(room, "m.room.message", """{"body":"b","msgtype":"m.text"}""", "same");

        Assert.Equal(first, again);
    }

    [Theory]
    [InlineData("createRoom", """{"visibility":"secret"}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"preset":"chat"}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"invite":"@bob:hs"}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"invite":[1]}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"invite":["bob"]}""", 400, "M_INVALID_PARAM")]
    [InlineData("createRoom", """{"name":7}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"room_version":12}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"room_version":"99"}""", 400, "M_UNSUPPORTED_ROOM_VERSION")]
    [InlineData("createRoom", """{"creation_content":[]}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"creation_content":{"x":1.5}}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"initial_state":[{"type":"a"}]}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"initial_state":[7]}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"initial_state":{}}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"power_level_content_override":{"users":{"@a:hs":"1"}}}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"invite_3pid":[{"medium":"email","address":"a@b"}]}""", 400, "M_MISSING_PARAM")]
    [InlineData("createRoom", """{"invite_3pid":[7]}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"invite_3pid":[{"medium":"email","address":"a@b","id_server":7,"id_access_token":"t"}]}""", 400, "M_BAD_JSON")]
    [InlineData("createRoom", """{"invite_3pid":[{"medium":"email","address":"a@b","id_server":"a/b","id_access_token":"t"}]}""", 400, "M_INVALID_PARAM")]
    [InlineData("createRoom", "[]", 400, "M_BAD_JSON")]
    [InlineData("createRoom", "{", 400, "M_NOT_JSON")]
    [InlineData("join/nothing", "{}", 400, "M_INVALID_PARAM")]
    [InlineData("join/%21none%3Ahs", "{}", 404, "M_NOT_FOUND")]
    [InlineData("join/%21none%3Ahs", """{"reason":1}""", 400, "M_BAD_JSON")]
    [InlineData("rooms/none/join", "{}", 400, "M_INVALID_PARAM")]
    [InlineData("rooms/%21none%3Ahs/leave", "{}", 404, "M_NOT_FOUND")]
    [InlineData("rooms/%21none%3Ahs/forget", "{}", 400, "M_UNKNOWN")]
    [InlineData("rooms/%21none%3Ahs/invite", """{"user_id":"@bob:hs"}""", 403, "M_FORBIDDEN")]
    [InlineData("rooms/%21none%3Ahs/kick", "{}", 400, "M_MISSING_PARAM")]
    [InlineData("rooms/%21none%3Ahs/kick", """{"user_id":7}""", 400, "M_BAD_JSON")]
    [InlineData("rooms/%21none%3Ahs/kick", """{"user_id":"bob"}""", 400, "M_INVALID_PARAM")]
    [InlineData("rooms/%21none%3Ahs/ban", """{"user_id":"@bob:hs"}""", 403, "M_FORBIDDEN")]
    public async Task refuse_bad_posts(string path, string body, int status, string errCode) =>
        (await Alice.PostAsync(path, body)).Refused(status, errCode);

    [Theory]
    [InlineData("send/m.room.message/1", """{"x":1.5}""", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/2", """{"x":123456789012345678901234567890}""", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/3", "7", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/5", "{}", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/6", """{"body":"x"}""", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/7", """{"msgtype":"m.text"}""", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/8", """{"msgtype":"m.text","body":7}""", 400, "M_BAD_JSON")]
    [InlineData("send/m.room.message/4", "", 400, "M_NOT_JSON")]
    [InlineData("state/m.room.create/", "{}", 403, "M_FORBIDDEN")]
    [InlineData("state/m.room.member/bob", """{"membership":"join"}""", 400, "M_INVALID_PARAM")]
    [InlineData("state/m.room.member/@alice:hs", "{}", 400, "M_BAD_JSON")]
    [InlineData("state/m.room.member/@alice:hs", """{"membership":"unheard of"}""", 403, "M_FORBIDDEN")]
    [InlineData("state/m.room.power_levels", """{"ban":"1"}""", 400, "M_BAD_JSON")]
    [InlineData("state/m.room.canonical_alias", """{"alias":"#no:hs"}""", 400, "M_BAD_ALIAS")]
    [InlineData("state/m.x/@bob:hs", "{}", 403, "M_FORBIDDEN")]
    public async Task refuse_bad_events(string path, string body, int status, string errCode)
    {
        var room = await Alice.CreateRoomAsync();

        (await Alice.PutAsync(Path(room, path), body)).Refused(status, errCode);
    }

    [Fact]
    public async Task refuse_what_is_too_large()
    {
        var room = await Alice.CreateRoomAsync();

        (await Alice.PutAsync(Path(
            room, "send/m.room.message/1"), $$"""{"msgtype":"m.text","body":"{{new string('x', 65_537)}}"}""")).Refused(413, "M_TOO_LARGE");
        (await Alice.PutAsync(Path(room, $"state/m.x/{new string('k', 256)}"), "{}")).Refused(413, "M_TOO_LARGE");
        (await Alice.PutAsync(Path(room, $"send/{new string('t', 256)}/2"), "{}")).Refused(413, "M_TOO_LARGE");
        (await Alice.PutAsync(
            Path(room, $"send/m.room.message/{new string('t', 256)}"), "{}")).Refused(400, "M_INVALID_PARAM");
    }

    [Fact]
    public async Task take_state_keys_that_look_like_paths()
    {
        var room = await Alice.CreateRoomAsync();

        await Alice.SetStateAsync(room, "m.x/y", "a/b?c#d", """{"z":1}""");

        var content = (await Alice.GetAsync(Path(room, "state/m.x%2Fy/a%2Fb%3Fc%23d"))).Ok();
        Assert.Equal(1, content.GetProperty("z").GetInt32());
    }
}
