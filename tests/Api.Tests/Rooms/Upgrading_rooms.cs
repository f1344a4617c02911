using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Rooms;

/// <summary>POST /rooms/{roomId}/upgrade.</summary>
public sealed class Upgrading_rooms : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { IsLogInMemory = true });
        _alice = await _server.RegisterAsync("alice");
        _bob = await _server.RegisterAsync("bob");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("9", "11")]
    [InlineData("10", "12")]
    [InlineData("12", "12")]
    [InlineData("12", "10")]
    public async Task moves_state_aliases_listing_and_bans(string from, string to)
    {
        var room = await _alice.CreateRoomAsync(
            $$"""
            {"preset":"public_chat","room_version":"{{from}}","room_alias_name":"hall","visibility":"public",
             "name":"Hall","topic":"Talk","creation_content":{"type":"org.example.hall"} }
            """);
        await _bob.JoinAsync(room);
        (await _alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Escaped(room)}/ban", """{"user_id":"@eve:hs"}""")).Ok();
        var reply = (await _alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Escaped(room)}/upgrade", $$"""{"new_version":"{{to}}"}""")).Ok();
        var successor = reply.Text("replacement_room");

        var create = (await StateAsync(successor, "m.room.create")).Ok();
        Assert.Equal(to, create.Text("room_version"));
        Assert.Equal("org.example.hall", create.Text("type"));
        Assert.Equal(room, create.GetProperty("predecessor").Text("room_id"));
        Assert.Equal("Hall", (await StateAsync(successor, "m.room.name")).Ok().Text("name"));
        Assert.Equal("public", (await StateAsync(successor, "m.room.join_rules")).Ok().Text("join_rule"));
        Assert.Equal("ban", (await StateAsync(successor, "m.room.member", "@eve:hs")).Ok().Text("membership"));
        Assert.Equal("#hall:hs", (await StateAsync(successor, "m.room.canonical_alias")).Ok().Text("alias"));
        Assert.Equal(successor, (await StateAsync(room, "m.room.tombstone")).Ok().Text("replacement_room"));
        Assert.Equal(successor, (await _bob.GetAsync(
            "/_matrix/client/v3/directory/room/%23hall%3Ahs")).Ok().Text("room_id"));
        var listed = (await _bob.GetAsync("/_matrix/client/v3/publicRooms")).Ok().GetProperty("chunk");
        Assert.Equal(successor, Assert.Single(listed.EnumerateArray()).Text("room_id"));
        (await _bob.PutAsync(
            $"/_matrix/client/v3/rooms/{Escaped(room)}/send/m.room.message/t1", """{"body":"still here"}"""))
            .Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task needs_power_and_a_known_version()
    {
        var room = await _alice.CreateRoomAsync();
        await _bob.JoinAsync(room);
        var path = $"/_matrix/client/v3/rooms/{Escaped(room)}/upgrade";

        (await _bob.PostAsync(path, """{"new_version":"11"}""")).Refused(403, "M_FORBIDDEN");
        (await _alice.PostAsync(path, """{"new_version":"99"}""")).Refused(400, "M_UNSUPPORTED_ROOM_VERSION");
        (await _alice.PostAsync(path, "{}")).Refused(400, "M_MISSING_PARAM");
        (await _alice.PostAsync(path, """{"new_version":7}""")).Refused(400, "M_BAD_JSON");
    }

    private Task<Reply> StateAsync(string room, string type, string key = "") => _alice.GetAsync(
        $"/_matrix/client/v3/rooms/{Escaped(room)}/state/{type}/{Escaped(key)}");

    private static string Escaped(string text) => Uri.EscapeDataString(text);
}
