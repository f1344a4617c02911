using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Reading;

public sealed class Searching : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
        _room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(_room);
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task finds_words_whatever_their_case_and_ending()
    {
        var martians = await _ada.SendTextAsync(_room, "Martians and men");
        await _ada.SendTextAsync(_room, "something else");
        var found = await SearchAsync(_bob, """{"search_term":"martian"}""");
        Assert.Equal([martians], Ids(found));
        Assert.Equal(1, found.GetProperty("count").GetInt32());
        Assert.Equal(["martians"], Strings(found.GetProperty("highlights")));
        Assert.True(found.GetProperty("results")[0].GetProperty("rank").GetDouble() > 0);
        Assert.False(found.TryGetProperty("next_batch", out _));
        Assert.False(found.GetProperty("results")[0].TryGetProperty("context", out _));
        Assert.Equal([martians], Ids(await SearchAsync(_bob, """{"search_term":"men MARTIANS"}""")));
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":"martians women"}""")));
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":"the"}""")));
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":""}""")));
    }

    [Fact]
    public async Task looks_under_the_keys_that_are_asked_for()
    {
        var name = await _ada.SetStateAsync(_room, "m.room.name", "", """{"name":"rocket"}""");
        var topic = await _ada.SetStateAsync(_room, "m.room.topic", "", """{"topic":"rocket"}""");
        var rich = await _ada.SetStateAsync(
            _room, "m.room.topic", "", """{"topic":"x","m.topic":{"m.text":[{"mimetype":"text/html","body":"<b>"},{"body":"rocket"}]}}""");
        var body = await _ada.SendTextAsync(_room, "rocket");
        Assert.Equal([body, rich, topic, name], Ids(await SearchAsync(_bob, """{"search_term":"rocket","order_by":"recent"}""")));
        Assert.Equal([body], Ids(await SearchAsync(_bob, """{"search_term":"rocket","keys":["content.body"]}""")));
        Assert.Equal([name], Ids(await SearchAsync(_bob, """{"search_term":"rocket","keys":["content.name"]}""")));
        Assert.Equal(
            [rich, topic], Ids(await SearchAsync(_bob, """{"search_term":"rocket","keys":["content.topic"],"order_by":"recent"}""")));
    }

    [Theory]
    [InlineData("rank")]
    [InlineData("recent")]
    public async Task shows_every_result_once_page_by_page(string order)
    {
        var ids = new List<string>();
        for (var number = 0; number < 7; number++)
            ids.Add(await _ada.SendTextAsync(_room, number % 3 == 0 ? "owl owl owl" : "one owl and a lot of other birds"));
        var seen = new List<string>();
        var query = string.Empty;
        while (true)
        {
            var criteria = $$"""{"search_term":"owl","order_by":"{{order}}","filter":{"limit":2} }""";
            var page = await SearchAsync(_bob, criteria, query);
            Assert.Equal(7, page.GetProperty("count").GetInt32());
            seen.AddRange(Ids(page));
            if (!page.TryGetProperty("next_batch", out var next))
                break;
            query = $"?next_batch={next.GetString()}";
        }
        ids.Reverse();
        Assert.Equal(order == "recent" ? ids : [.. ids.Where((_, at) => at % 3 == 0), .. ids.Where((_, at) => at % 3 != 0)], seen);
    }

    [Fact]
    public async Task groups_results_and_goes_on_within_a_group()
    {
        var other = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(other);
        var expected = new List<string>();
        for (var number = 0; number < 4; number++)
            expected.Insert(0, await _ada.SendTextAsync(_room, "fish"));
        await _bob.SendTextAsync(other, "fish");
        const string criteria =
            """{"search_term":"fish","order_by":"recent","filter":{"limit":3},"groupings":{"group_by":[{"key":"room_id"},{"key":"sender"}]}}""";
        var groups = (await SearchAsync(_bob, criteria)).GetProperty("groups");
        var room = groups.GetProperty("room_id").GetProperty(_room);
        Assert.Equal(expected[..2], Strings(room.GetProperty("results")));
        Assert.Equal(2, room.GetProperty("order").GetInt32());
        Assert.Equal(1, groups.GetProperty("room_id").GetProperty(other).GetProperty("order").GetInt32());
        Assert.False(groups.GetProperty("room_id").GetProperty(other).TryGetProperty("next_batch", out _));
        Assert.False(groups.GetProperty("sender").GetProperty(_bob.UserId).TryGetProperty("next_batch", out _));
        foreach (var group in (JsonElement[])[room, groups.GetProperty("sender").GetProperty(_ada.UserId)])
            Assert.Equal(expected[2..], Ids(await SearchAsync(_bob, criteria, $"?next_batch={group.Text("next_batch")}")));
    }

    [Fact]
    public async Task shows_what_stands_around_a_result_and_who_said_it()
    {
        (await _ada.PutAsync($"profile/{_ada.UserId}/displayname", """{"displayname":"Ada then"}""")).Ok();
        var ids = new List<string>();
        for (var number = 0; number < 5; number++)
            ids.Add(await _ada.SendTextAsync(_room, number == 2 ? "needle" : "hay"));
        (await _ada.PutAsync($"profile/{_ada.UserId}/displayname", """{"displayname":"Ada now"}""")).Ok();
        var found = await SearchAsync(
            _bob,
            """{"search_term":"needle","include_state":true,"event_context":{"before_limit":1,"after_limit":2,"include_profile":true}}""");
        var context = found.GetProperty("results")[0].GetProperty("context");
        Assert.Equal([ids[1]], EventIds(context.GetProperty("events_before")));
        Assert.Equal([ids[3], ids[4]], EventIds(context.GetProperty("events_after")));
        Assert.Equal("Ada then", context.GetProperty("profile_info").GetProperty(_ada.UserId).Text("displayname"));
        var before = (await _bob.GetAsync($"rooms/{_room}/messages?dir=b&limit=1&from={context.Text("start")}")).Ok();
        Assert.Equal([ids[0]], EventIds(before.GetProperty("chunk")));
        Assert.Contains(
            found.GetProperty("state").GetProperty(_room).EnumerateArray(),
            stored => stored.Text("type") == "m.room.create");
    }

    [Fact]
    public async Task shows_only_what_the_searcher_may_see()
    {
        var before = await _ada.SendTextAsync(_room, "secret before");
        (await _bob.PostAsync($"rooms/{_room}/leave")).Ok();
        await _ada.SendTextAsync(_room, "secret after");
        Assert.Equal([before], Ids(await SearchAsync(_bob, """{"search_term":"secret"}""")));
        (await _bob.PostAsync($"rooms/{_room}/forget")).Ok();
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":"secret"}""")));
        var cyd = await _server.RegisterAsync("cyd");
        Assert.Empty(Ids(await SearchAsync(cyd, """{"search_term":"secret"}""")));

        var joined = await _ada.CreateRoomAsync();
        await _ada.SetStateAsync(joined, "m.room.history_visibility", "", """{"history_visibility":"joined"}""");
        await _ada.SendTextAsync(joined, "secret history");
        await cyd.JoinAsync(joined);
        var seen = await _ada.SendTextAsync(joined, "secret no more");
        Assert.Equal([seen], Ids(await SearchAsync(cyd, """{"search_term":"secret"}""")));
    }

    [Fact]
    public async Task forgets_redacted_words_and_encrypted_rooms()
    {
        var gone = await _ada.SendTextAsync(_room, "regret");
        (await _ada.PutAsync($"rooms/{_room}/redact/{gone}/r", "{}")).Ok();
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":"regret"}""")));
        await _server.RestartWithoutDatabaseAsync();
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":"regret"}""")));
        await _ada.SendTextAsync(_room, "plain");
        Assert.Single(Ids(await SearchAsync(_bob, """{"search_term":"plain"}""")));
        await _ada.SetStateAsync(_room, "m.room.encryption", "", """{"algorithm":"m.megolm.v1.aes-sha2"}""");
        Assert.Empty(Ids(await SearchAsync(_bob, """{"search_term":"plain"}""")));
    }

    [Fact]
    public async Task goes_by_the_filter()
    {
        var other = await _ada.CreateRoomAsync();
        var adas = await _ada.SendTextAsync(_room, "cake");
        var bobs = await _bob.SendTextAsync(_room, "cake");
        var elsewhere = await _ada.SendAsync(other, "m.room.message", """{"msgtype":"m.image","body":"cake","url":"mxc://hs/cake"}""");
        Assert.Equal([elsewhere], await FilteredAsync($$"""{"rooms":["{{other}}"]}"""));
        Assert.Equal([bobs, adas], await FilteredAsync($$"""{"not_rooms":["{{other}}"]}"""));
        Assert.Equal([bobs], await FilteredAsync($$"""{"senders":["{{_bob.UserId}}"]}"""));
        Assert.Equal([elsewhere, adas], await FilteredAsync($$"""{"not_senders":["{{_bob.UserId}}"]}"""));
        Assert.Equal([elsewhere], await FilteredAsync("""{"contains_url":true}"""));
        Assert.Equal([bobs, adas], await FilteredAsync("""{"contains_url":false}"""));
        Assert.Equal([elsewhere, bobs, adas], await FilteredAsync("""{"types":["m.room.mess*"]}"""));
        Assert.Empty(await FilteredAsync("""{"not_types":["m.room.*"]}"""));

        async Task<IEnumerable<string>> FilteredAsync(string filter) =>
            Ids(await SearchAsync(_ada, $$"""{"search_term":"cake","order_by":"recent","filter":{{filter}}}"""));
    }

    [Fact]
    public async Task bundles_what_relates_to_a_result()
    {
        var id = await _ada.SendTextAsync(_room, "original");
        var edit = $$$"""{"msgtype":"m.text","body":"*","m.new_content":{},"m.relates_to":{"rel_type":"m.replace","event_id":"{{{id}}}"} }""";
        await _ada.SendAsync(_room, "m.room.message", edit);
        var found = await SearchAsync(_bob, """{"search_term":"original"}""");
        var unsigned = found.GetProperty("results")[0].GetProperty("result").GetProperty("unsigned");
        Assert.True(unsigned.GetProperty("m.relations").TryGetProperty("m.replace", out _));
    }

    [Theory]
    [InlineData("{}", "M_MISSING_PARAM")]
    [InlineData("""{"search_categories":7}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":7}}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":{}}}""", "M_MISSING_PARAM")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":7}}}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","keys":"content.body"}}}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","keys":["content.other"]}}}""", "M_INVALID_PARAM")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","order_by":"luck"}}}""", "M_INVALID_PARAM")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","filter":{"limit":-1}}}}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","event_context":{"before_limit":-1}}}}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","include_state":"yes"}}}""", "M_BAD_JSON")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","groupings":{"group_by":[{"key":"type"}]}}}}""", "M_INVALID_PARAM")]
    [InlineData("""{"search_categories":{"room_events":{"search_term":"x","groupings":{"group_by":[7]}}}}""", "M_BAD_JSON")]
    public async Task refuses_bad_bodies(string body, string errCode) =>
        (await _ada.PostAsync("search", body)).Refused(400, errCode);

    [Theory]
    [InlineData("x")]
    [InlineData("r1_2")]
    [InlineData("r1_7fc00000_3")]
    [InlineData("r1_0_-3")]
    [InlineData("r1_0_3_q00")]
    [InlineData("r1_0_3_r0")]
    [InlineData("r1_0_3_szz")]
    [InlineData("r1_0_3_s00")]
    public async Task refuses_tokens_that_are_none(string token) =>
        (await _ada.PostAsync(
            $"search?next_batch={token}", """{"search_categories":{"room_events":{"search_term":"x"}}}""")).Refused(400, "M_INVALID_PARAM");

    private static async Task<JsonElement> SearchAsync(TestUser user, string criteria, string query = "") =>
        (await user.PostAsync("search" + query, $$$"""{"search_categories":{"room_events":{{{criteria}}} }}""")).Ok()
            .GetProperty("search_categories").GetProperty("room_events");

    private static IEnumerable<string> Ids(JsonElement found) =>
        found.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("result").Text("event_id"));

    private static IEnumerable<string> EventIds(JsonElement events) =>
        events.EnumerateArray().Select(stored => stored.Text("event_id"));

    private static IEnumerable<string> Strings(JsonElement list) => list.EnumerateArray().Select(text => text.GetString()!);
}
