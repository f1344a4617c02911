using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Discovering;

public sealed class Spaces_and_summaries : IAsyncLifetime
{
    private const string Space = """{"preset":"public_chat","name":"space","creation_content":{"type":"m.space"}}""";

    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task a_hierarchy_goes_into_depth_in_the_order_of_the_children()
    {
        var (root, inner) = (await _ada.CreateRoomAsync(Space), await _ada.CreateRoomAsync(Space));
        var (first, last, deep) = (await RoomAsync(), await RoomAsync(), await RoomAsync());
        await ChildAsync(root, last, """{"via":["hs"],"order":"z"}""");
        await ChildAsync(root, inner, """{"via":["hs"],"order":"b"}""");
        await ChildAsync(root, first, """{"via":["hs"],"order":"a"}""");
        await ChildAsync(root, "!unknown:hs", """{"via":["hs"],"order":"c"}""");
        await ChildAsync(root, await RoomAsync(), """{"order":"no via"}""");
        await ChildAsync(inner, deep, """{"via":["hs"]}""");
        // A loop ends.
        await ChildAsync(inner, root, """{"via":["hs"]}""");
        Assert.Equal([root, first, inner, deep, last], await HierarchyAsync(_bob, root, ""));
        Assert.Equal([root, first, inner, last], await HierarchyAsync(_bob, root, "?max_depth=1"));
        Assert.Equal([root], await HierarchyAsync(_bob, root, "?max_depth=0"));
        Assert.Equal([first], await HierarchyAsync(_bob, first, ""));

        var rooms = (await _bob.GetAsync(Path(root, ""))).Ok().GetProperty("rooms");
        Assert.Equal("m.space", rooms[0].Text("room_type"));
        Assert.Equal(
            [first, inner, "!unknown:hs", last],
            rooms[0].GetProperty("children_state").EnumerateArray().Select(child => child.Text("state_key")));
        Assert.Empty(rooms[1].GetProperty("children_state").EnumerateArray());
    }

    [Fact]
    public async Task a_hierarchy_comes_in_pages()
    {
        var root = await _ada.CreateRoomAsync(Space);
        var expected = new List<string> { root };
        for (var number = 0; number < 5; number++)
        {
            expected.Add(await RoomAsync());
            await ChildAsync(root, expected[^1], $$"""{"via":["hs"],"order":"{{number}}","suggested":true}""");
        }
        var seen = new List<string>();
        var from = string.Empty;
        var pages = 0;
        while (true)
        {
            var page = (await _bob.GetAsync(Path(root, $"?limit=2&suggested_only=true{from}"))).Ok();
            seen.AddRange(Ids(page));
            pages++;
            if (!page.TryGetProperty("next_batch", out var next))
                break;
            from = $"&from={next.GetString()}";
            (await _bob.GetAsync(Path(root, $"?limit=2{from}"))).Refused(400, "M_INVALID_PARAM");
            (await _bob.GetAsync(Path(root, $"?limit=2&suggested_only=true&max_depth=1{from}"))).Refused(400, "M_INVALID_PARAM");
        }
        Assert.Equal(expected, seen);
        Assert.Equal(3, pages);
    }

    [Fact]
    public async Task a_hierarchy_may_show_suggested_rooms_only()
    {
        var root = await _ada.CreateRoomAsync(Space);
        var (plain, suggested) = (await RoomAsync(), await RoomAsync());
        await ChildAsync(root, plain, """{"via":["hs"]}""");
        await ChildAsync(root, suggested, """{"via":["hs"],"suggested":true}""");
        Assert.Equal([root, suggested], await HierarchyAsync(_bob, root, "?suggested_only=true"));
    }

    [Fact]
    public async Task only_rooms_that_one_may_enter_or_read_are_shown()
    {
        var root = await _ada.CreateRoomAsync(Space);
        var privately = await _ada.CreateRoomAsync("""{"preset":"private_chat"}""");
        var invited = await _ada.CreateRoomAsync($$"""{"preset":"private_chat","invite":["{{_bob.UserId}}"]}""");
        var knock = await WithJoinRuleAsync("""{"join_rule":"knock"}""");
        var restricted = await WithJoinRuleAsync(
            $$$"""{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{{{root}}}"}]}""");
        var readable = await _ada.CreateRoomAsync(
            """
            {"preset":"private_chat","initial_state":
            [{"type":"m.room.history_visibility","state_key":"","content":{"history_visibility":"world_readable"}}]}
            """);
        var banned = await RoomAsync();
        (await _ada.PostAsync($"rooms/{banned}/ban", $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        string[] all = [privately, invited, knock, restricted, readable, banned];
        for (var index = 0; index < all.Length; index++)
            await ChildAsync(root, all[index], $$"""{"via":["hs"],"order":"{{index}}"}""");
        Assert.Equal([root, invited, knock, readable], await HierarchyAsync(_bob, root, ""));
        await _bob.JoinAsync(root);
        Assert.Equal([root, invited, knock, restricted, readable], await HierarchyAsync(_bob, root, ""));
        Assert.Equal([root, .. all], await HierarchyAsync(_ada, root, ""));

        (await _bob.GetAsync(Path(privately, ""))).Refused(403, "M_FORBIDDEN");
        (await _bob.GetAsync(Path("!unknown:hs", ""))).Refused(403, "M_FORBIDDEN");
        foreach (var hidden in (string[])[privately, banned, "!unknown:hs", "#unknown:hs"])
            (await _bob.GetAsync(SummaryPath(hidden))).Refused(404, "M_NOT_FOUND");
        // Without an account nobody is a member of the room that the restricted one asks for.
        foreach (var hidden in (string[])[privately, invited, restricted])
            (await _server.SendAsync("GET", SummaryPath(hidden))).Refused(404, "M_NOT_FOUND");
        foreach (var open in (string[])[root, knock, readable])
            (await _server.SendAsync("GET", SummaryPath(open))).Ok();
        var card = (await _bob.GetAsync(SummaryPath(restricted))).Ok();
        Assert.Equal([root], card.GetProperty("allowed_room_ids").EnumerateArray().Select(room => room.GetString()));
    }

    [Fact]
    public async Task a_summary_says_what_the_room_is_like()
    {
        var room = await _ada.CreateRoomAsync(
            """
            {"preset":"public_chat","name":"Cheese","topic":"Tasty","room_alias_name":"cheese","initial_state":
            [{"type":"m.room.encryption","state_key":"","content":{"algorithm":"m.megolm.v1.aes-sha2"}}]}
            """);
        var outside = (await _server.SendAsync("GET", SummaryPath("#cheese:hs"))).Ok();
        Assert.Equal(room, outside.Text("room_id"));
        Assert.Equal("Cheese", outside.Text("name"));
        Assert.Equal("Tasty", outside.Text("topic"));
        Assert.Equal("#cheese:hs", outside.Text("canonical_alias"));
        Assert.Equal("public", outside.Text("join_rule"));
        Assert.Equal("m.megolm.v1.aes-sha2", outside.Text("encryption"));
        Assert.Equal(1, outside.GetProperty("num_joined_members").GetInt32());
        Assert.False(outside.TryGetProperty("membership", out _));
        Assert.Equal("leave", (await _bob.GetAsync(SummaryPath(room))).Ok().Text("membership"));
        Assert.Equal("join", (await _ada.GetAsync(SummaryPath(room))).Ok().Text("membership"));
        (await _bob.GetAsync(SummaryPath("nonsense"))).Refused(400, "M_INVALID_PARAM");
    }

    [Theory]
    [InlineData("?limit=0")]
    [InlineData("?limit=x")]
    [InlineData("?max_depth=-1")]
    [InlineData("?suggested_only=maybe")]
    [InlineData("?from=h1_2")]
    [InlineData("?from=h1_50_2")]
    [InlineData("?from=nonsense")]
    public async Task bad_parameters_are_refused(string query) =>
        (await _ada.GetAsync(Path(await RoomAsync(), query))).Refused(400, "M_INVALID_PARAM");

    private Task<string> RoomAsync() => _ada.CreateRoomAsync();

    private Task<string> WithJoinRuleAsync(string content) => _ada.CreateRoomAsync(
        $$"""{"initial_state":[{"type":"m.room.join_rules","state_key":"","content":{{content}} }]}""");

    private Task ChildAsync(string space, string room, string content) =>
        _ada.SetStateAsync(space, "m.space.child", room, content);

    private static string Path(string room, string query) =>
        $"/_matrix/client/v1/rooms/{Uri.EscapeDataString(room)}/hierarchy{query}";

    private static string SummaryPath(string room) =>
        $"/_matrix/client/v1/room_summary/{Uri.EscapeDataString(room)}";

    private static async Task<IEnumerable<string>> HierarchyAsync(TestUser user, string room, string query) =>
        Ids((await user.GetAsync(Path(room, query))).Ok());

    private static IEnumerable<string> Ids(JsonElement page) =>
        page.GetProperty("rooms").EnumerateArray().Select(room => room.Text("room_id"));
}
