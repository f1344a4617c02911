using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Reading;

public sealed class Relations_of_events : IAsyncLifetime
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
    public async Task are_listed_newest_first_by_type_and_page_by_page()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var other = await _ada.SendTextAsync(_room, "other");
        var ids = new List<string>();
        for (var number = 0; number < 5; number++)
            ids.Add(await ReactAsync(_bob, parent, $"k{number}"));
        var reference = await RelateAsync(_ada, parent, "m.reference");
        await RelateAsync(_ada, other, "m.reference");

        Assert.Equal([reference, .. ids.AsEnumerable().Reverse()], await RelationsAsync(parent, "?limit=50"));
        Assert.Equal([.. ids, reference], await RelationsAsync(parent, "?dir=f&limit=50"));
        Assert.Equal([reference], await RelationsAsync(parent, "/m.reference"));
        Assert.Equal(ids.AsEnumerable().Reverse(), await RelationsAsync(parent, "/m.annotation/m.reaction"));
        Assert.Empty(await RelationsAsync(parent, "/m.annotation/m.room.message"));

        foreach (var direction in (string[])["b", "f"])
        {
            var seen = new List<string>();
            var from = string.Empty;
            while (true)
            {
                var page = (await _bob.GetAsync(Path(parent, $"/m.annotation?dir={direction}&limit=2{from}"))).Ok();
                seen.AddRange(Ids(page));
                Assert.Equal(from.Length > 0, page.TryGetProperty("prev_batch", out _));
                if (!page.TryGetProperty("next_batch", out var next))
                    break;
                from = $"&from={next.GetString()}";
            }
            Assert.Equal(direction == "f" ? ids : ids.AsEnumerable().Reverse(), seen);
        }
    }

    [Fact]
    public async Task go_from_tokens_of_sync_and_messages()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var before = await ReactAsync(_bob, parent, "before");
        var token = (await _ada.SyncAsync()).Text("next_batch");
        var after = await ReactAsync(_bob, parent, "after");
        Assert.Equal([before], await RelationsAsync(parent, $"?from={token}"));
        Assert.Equal([after], await RelationsAsync(parent, $"?to={token}"));
        Assert.Equal([after], await RelationsAsync(parent, $"?dir=f&from={token}"));
        Assert.Equal([before], await RelationsAsync(parent, $"?dir=f&to={token}"));
    }

    [Fact]
    public async Task go_on_to_relations_of_relations_where_asked()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var chain = new List<string>();
        var last = parent;
        for (var depth = 0; depth < 5; depth++)
            chain.Add(last = await RelateAsync(_bob, last, depth == 0 ? "m.thread" : "m.reference"));
        Assert.Equal([chain[0]], await RelationsAsync(parent, ""));
        var reply = (await _bob.GetAsync(Path(parent, "?recurse=true"))).Ok();
        Assert.Equal([chain[2], chain[1], chain[0]], Ids(reply));
        Assert.Equal(3, reply.GetProperty("recursion_depth").GetInt32());
        // A step of another type ends the way.
        Assert.Equal([chain[0]], await RelationsAsync(parent, "/m.thread?recurse=true"));
        Assert.Empty(await RelationsAsync(parent, "/m.reference?recurse=true"));
    }

    [Fact]
    public async Task vanish_when_they_are_redacted()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var edit = await EditAsync(_ada, parent, "one");
        var latest = await EditAsync(_ada, parent, "two");
        Assert.Equal(latest, (await BundleAsync(_bob, parent)).GetProperty("m.replace").Text("event_id"));
        await RedactAsync(_ada, latest);
        Assert.Equal(edit, (await BundleAsync(_bob, parent)).GetProperty("m.replace").Text("event_id"));
        await RedactAsync(_ada, edit);
        Assert.Equal(default, await BundleAsync(_bob, parent));
        Assert.Empty(await RelationsAsync(parent, ""));
        await _server.RestartWithoutDatabaseAsync();
        Assert.Empty(await RelationsAsync(parent, ""));
    }

    [Fact]
    public async Task of_a_redacted_event_stay_but_for_its_edits()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var edit = await EditAsync(_ada, parent, "edit");
        var reference = await RelateAsync(_bob, parent, "m.reference");
        await RedactAsync(_ada, parent);
        Assert.Equal([reference, edit], await RelationsAsync(parent, ""));
        var bundle = await BundleAsync(_bob, parent);
        Assert.False(bundle.TryGetProperty("m.replace", out _));
        Assert.Equal(reference, bundle.GetProperty("m.reference").GetProperty("chunk")[0].Text("event_id"));
    }

    [Fact]
    public async Task bundle_only_valid_edits()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var edit = await EditAsync(_ada, parent, "right");
        await EditAsync(_bob, parent, "by somebody else");
        await RelateAsync(_ada, parent, "m.replace");
        await _ada.SendAsync(_room, "org.other.type", EditContent(parent, "other type"));
        await EditAsync(_ada, edit, "of an edit");
        var bundle = await BundleAsync(_bob, parent);
        Assert.Equal(edit, bundle.GetProperty("m.replace").Text("event_id"));
        Assert.Equal("* right", bundle.GetProperty("m.replace").GetProperty("content").Text("body"));
        Assert.Equal(default, await BundleAsync(_bob, edit));
    }

    [Fact]
    public async Task bundle_threads_with_their_newest_event()
    {
        var root = await _ada.SendTextAsync(_room, "root");
        await RelateAsync(_bob, root, "m.thread");
        var latest = await RelateAsync(_bob, root, "m.thread");
        var edit = await EditAsync(_bob, latest, "edited");
        var thread = (await BundleAsync(_ada, root)).GetProperty("m.thread");
        Assert.Equal(2, thread.GetProperty("count").GetInt32());
        Assert.True(thread.GetProperty("current_user_participated").GetBoolean());
        Assert.Equal(latest, thread.GetProperty("latest_event").Text("event_id"));
        Assert.Equal(edit, Bundle(thread.GetProperty("latest_event")).GetProperty("m.replace").Text("event_id"));

        var cyd = await _server.RegisterAsync("cyd");
        await cyd.JoinAsync(_room);
        Assert.False((await BundleAsync(cyd, root)).GetProperty("m.thread").GetProperty("current_user_participated").GetBoolean());
        await RelateAsync(cyd, root, "m.thread");
        Assert.True((await BundleAsync(cyd, root)).GetProperty("m.thread").GetProperty("current_user_participated").GetBoolean());
    }

    [Fact]
    public async Task leave_out_whom_the_reader_ignores()
    {
        var root = await _ada.SendTextAsync(_room, "root");
        var own = await RelateAsync(_ada, root, "m.thread");
        await RelateAsync(_bob, root, "m.thread");
        await RelateAsync(_bob, root, "m.reference");
        (await _ada.PutAsync(
            $"user/{_ada.UserId}/account_data/m.ignored_user_list",
            $$"""{"ignored_users":{"{{_bob.UserId}}":{} } }""")).Ok();
        var bundle = await BundleAsync(_ada, root);
        Assert.Equal(1, bundle.GetProperty("m.thread").GetProperty("count").GetInt32());
        Assert.Equal(own, bundle.GetProperty("m.thread").GetProperty("latest_event").Text("event_id"));
        Assert.False(bundle.TryGetProperty("m.reference", out _));
        var (bobs, reply) = (await _bob.SendTextAsync(_room, "ignored root"), string.Empty);
        reply = await RelateAsync(_ada, bobs, "m.thread");
        var threads = (await _ada.GetAsync($"/_matrix/client/v1/rooms/{_room}/threads")).Ok().GetProperty("chunk");
        Assert.Equal([bobs, root], Ids(threads));
        Assert.Empty(threads[0].GetProperty("content").EnumerateObject());
        Assert.Equal(reply, Bundle(threads[0]).GetProperty("m.thread").GetProperty("latest_event").Text("event_id"));
    }

    [Fact]
    public async Task stand_beside_events_wherever_they_are_shown()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        await EditAsync(_ada, parent, "edit");
        await _bob.SendTextAsync(_room, "last");
        var messages = (await _bob.GetAsync($"rooms/{_room}/messages?dir=b&limit=5")).Ok().GetProperty("chunk");
        var context = (await _bob.GetAsync($"rooms/{_room}/context/{parent}")).Ok().GetProperty("event");
        var around = (await _bob.GetAsync($"rooms/{_room}/context/{parent}")).Ok().GetProperty("events_after");
        var sync = (await _bob.SyncAsync()).GetProperty("rooms").GetProperty("join").GetProperty(_room).GetProperty("timeline");
        Assert.Equal("m.replace", OnlyBundled(Find(messages, parent)));
        Assert.Equal("m.replace", OnlyBundled(context));
        Assert.DoesNotContain(around.EnumerateArray(), stored => Bundle(stored).ValueKind != JsonValueKind.Undefined);
        Assert.Equal("m.replace", OnlyBundled(Find(sync.GetProperty("events"), parent)));
    }

    [Fact]
    public async Task are_not_counted_in_a_sync_whose_client_has_seen_everything_before()
    {
        var token = (await _bob.SyncAsync()).Text("next_batch");
        var parent = await _ada.SendTextAsync(_room, "parent");
        await EditAsync(_ada, parent, "edit");
        var room = (await _bob.SyncAsync(token)).GetProperty("rooms").GetProperty("join").GetProperty(_room);
        Assert.False(room.GetProperty("timeline").GetProperty("limited").GetBoolean());
        Assert.Equal(default, Bundle(Find(room.GetProperty("timeline").GetProperty("events"), parent)));
        for (var number = 0; number < 5; number++)
            await _ada.SendTextAsync(_room, "more");
        var other = await _ada.SendTextAsync(_room, "other");
        await EditAsync(_ada, other, "edit");
        room = (await _bob.SyncAsync(token, filter: """{"room":{"timeline":{"limit":3}}}"""))
            .GetProperty("rooms").GetProperty("join").GetProperty(_room);
        Assert.Equal("m.replace", OnlyBundled(Find(room.GetProperty("timeline").GetProperty("events"), other)));
    }

    [Fact]
    public async Task that_a_reader_may_not_see_do_not_count()
    {
        await _ada.SetStateAsync(_room, "m.room.history_visibility", "", """{"history_visibility":"joined"}""");
        var root = await _ada.SendTextAsync(_room, "root");
        await RelateAsync(_ada, root, "m.thread");
        (await _bob.PostAsync($"rooms/{_room}/leave")).Ok();
        await RelateAsync(_ada, root, "m.thread");
        await EditAsync(_ada, root, "edit");
        var bundle = await BundleAsync(_bob, root);
        Assert.Equal(1, bundle.GetProperty("m.thread").GetProperty("count").GetInt32());
        Assert.False(bundle.TryGetProperty("m.replace", out _));
        Assert.Single(Ids((await _bob.GetAsync(Path(root, ""))).Ok()));
        var cyd = await _server.RegisterAsync("cyd");
        (await cyd.GetAsync(Path(root, ""))).Refused(404, "M_NOT_FOUND");
        await cyd.JoinAsync(_room);
        (await cyd.GetAsync(Path(root, ""))).Refused(404, "M_NOT_FOUND");
        Assert.Empty((await cyd.GetAsync($"/_matrix/client/v1/rooms/{_room}/threads")).Ok().GetProperty("chunk").EnumerateArray());
    }

    [Fact]
    public async Task make_threads_listed_by_their_newest_event()
    {
        var roots = new List<string>();
        for (var number = 0; number < 3; number++)
            roots.Add(await (number == 1 ? _bob : _ada).SendTextAsync(_room, $"root {number}"));
        foreach (var number in (int[])[0, 1, 2, 0])
            await RelateAsync(_ada, roots[number], "m.thread");
        await RelateAsync(_bob, roots[2], "m.thread");
        Assert.Equal([roots[2], roots[0], roots[1]], await ThreadsAsync(_ada, ""));
        Assert.Equal([roots[2], roots[1]], await ThreadsAsync(_bob, "?include=participated"));
        var page = (await _ada.GetAsync($"/_matrix/client/v1/rooms/{_room}/threads?limit=2")).Ok();
        Assert.Equal([roots[2], roots[0]], Ids(page));
        Assert.Equal([roots[1]], await ThreadsAsync(_ada, $"?from={page.Text("next_batch")}"));
    }

    [Fact]
    public async Task may_not_be_annotated_twice_alike()
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        var path = $"rooms/{_room}/send/m.reaction/same";
        var first = (await _bob.PutAsync(path, Reaction(parent, "k"))).Ok().Text("event_id");
        Assert.Equal(first, (await _bob.PutAsync(path, Reaction(parent, "k"))).Ok().Text("event_id"));
        (await _bob.PutAsync($"rooms/{_room}/send/m.reaction/again", Reaction(parent, "k"))).Refused(400, "M_DUPLICATE_ANNOTATION");
        await ReactAsync(_bob, parent, "other key");
        await ReactAsync(_ada, parent, "k");
        (await _bob.PutAsync($"rooms/{_room}/send/org.other/type", Reaction(parent, "k"))).Ok();
        await RedactAsync(_bob, first);
        await ReactAsync(_bob, parent, "k");
    }

    [Fact]
    public async Task may_not_be_annotated_twice_alike_at_the_same_moment()
    {
        for (var round = 0; round < 5; round++)
        {
            var parent = await _ada.SendTextAsync(_room, "parent");
            var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(number =>
                _bob.PutAsync($"rooms/{_room}/send/m.reaction/r{round}n{number}", Reaction(parent, "k"))));

            Assert.Single(replies, reply => reply.Status == 200);
            foreach (var reply in replies.Where(reply => reply.Status != 200))
                reply.Refused(400, "M_DUPLICATE_ANNOTATION");
            Assert.Single(await RelationsAsync(parent, ""));
        }
    }

    [Fact]
    public async Task may_not_begin_a_thread_at_a_relation()
    {
        var root = await _ada.SendTextAsync(_room, "root");
        var child = await RelateAsync(_ada, root, "m.thread");
        (await _bob.PutAsync($"rooms/{_room}/send/m.room.message/nested", Content(child, "m.thread"))).Refused(400, "M_UNKNOWN");
        await RelateAsync(_bob, child, "m.reference");
    }

    [Theory]
    [InlineData("?dir=x")]
    [InlineData("?limit=x")]
    [InlineData("?from=x")]
    [InlineData("?to=x")]
    [InlineData("?recurse=x")]
    public async Task refuse_bad_parameters(string query)
    {
        var parent = await _ada.SendTextAsync(_room, "parent");
        (await _ada.GetAsync(Path(parent, query))).Refused(400, "M_INVALID_PARAM");
    }

    [Theory]
    [InlineData("?include=some", 400, "M_INVALID_PARAM")]
    [InlineData("?limit=0", 400, "M_INVALID_PARAM")]
    [InlineData("?from=x", 400, "M_INVALID_PARAM")]
    public async Task refuse_bad_parameters_of_threads(string query, int status, string errCode)
    {
        (await _ada.GetAsync($"/_matrix/client/v1/rooms/{_room}/threads{query}")).Refused(status, errCode);
        var cyd = await _server.RegisterAsync("cyd");
        (await cyd.GetAsync($"/_matrix/client/v1/rooms/{_room}/threads")).Refused(403, "M_FORBIDDEN");
    }

    [Theory]
    [InlineData("""{"m.relates_to":7}""")]
    [InlineData("""{"m.relates_to":{"rel_type":"m.thread"}}""")]
    [InlineData("""{"m.relates_to":{"rel_type":7,"event_id":"$x"}}""")]
    [InlineData("""{"m.relates_to":{"rel_type":"","event_id":"$x"}}""")]
    [InlineData("""{"m.relates_to":{"rel_type":"m.annotation","event_id":"$x","key":7}}""")]
    [InlineData("""{"m.relates_to":{"rel_type":"m.annotation","event_id":"nonsense","key":"k"}}""")]
    [InlineData("""{"m.relates_to":{"rel_type":"m.reference","event_id":"$nowhere"}}""")]
    public async Task of_any_other_shape_are_let_through_and_ignored(string content)
    {
        await _ada.SendAsync(_room, "org.example.any", content);
        var sync = (await _bob.SyncAsync()).GetProperty("rooms").GetProperty("join").GetProperty(_room);
        Assert.All(
            sync.GetProperty("timeline").GetProperty("events").EnumerateArray(),
            stored => Assert.Equal(default, Bundle(stored)));
    }

    private Task<string> ReactAsync(TestUser user, string parent, string key) =>
        user.SendAsync(_room, "m.reaction", Reaction(parent, key));

    private Task<string> RelateAsync(TestUser user, string parent, string type) =>
        user.SendAsync(_room, "m.room.message", Content(parent, type));

    private Task<string> EditAsync(TestUser user, string parent, string text) =>
        user.SendAsync(_room, "m.room.message", EditContent(parent, text));

    private async Task RedactAsync(TestUser user, string eventId) =>
        (await user.PutAsync($"rooms/{_room}/redact/{eventId}/r{eventId[1..9]}", "{}")).Ok();

    private async Task<IEnumerable<string>> RelationsAsync(string parent, string rest) =>
        Ids((await _bob.GetAsync(Path(parent, rest))).Ok());

    private async Task<IEnumerable<string>> ThreadsAsync(TestUser user, string query) =>
        Ids((await user.GetAsync($"/_matrix/client/v1/rooms/{_room}/threads{query}")).Ok());

    private async Task<JsonElement> BundleAsync(TestUser user, string eventId) =>
        Bundle((await user.GetAsync($"rooms/{_room}/event/{eventId}")).Ok());

    private string Path(string parent, string rest) => $"/_matrix/client/v1/rooms/{_room}/relations/{parent}{rest}";

    private static JsonElement Bundle(JsonElement stored) =>
        stored.GetProperty("unsigned").TryGetProperty("m.relations", out var bundle) ? bundle : default;

    private static string OnlyBundled(JsonElement stored) => Assert.Single(Bundle(stored).EnumerateObject()).Name;

    private static JsonElement Find(JsonElement events, string eventId) =>
        events.EnumerateArray().Single(stored => stored.Text("event_id") == eventId);

    private static IEnumerable<string> Ids(JsonElement answer) =>
        (answer.ValueKind == JsonValueKind.Array ? answer : answer.GetProperty("chunk"))
            .EnumerateArray().Select(stored => stored.Text("event_id"));

    private static string Reaction(string parent, string key) =>
        $$$"""{"m.relates_to":{"rel_type":"m.annotation","event_id":"{{{parent}}}","key":"{{{key}}}"}}""";

    private static string Content(string parent, string type) =>
        $$$"""{"msgtype":"m.text","body":"b","m.relates_to":{"rel_type":"{{{type}}}","event_id":"{{{parent}}}"}}""";

    private static string EditContent(string parent, string text) =>
        $$$"""
        {"msgtype":"m.text","body":"* {{{text}}}","m.new_content":{"msgtype":"m.text","body":"{{{text}}}" },
        "m.relates_to":{"rel_type":"m.replace","event_id":"{{{parent}}}"}}
        """;
}
