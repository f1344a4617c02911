using System.Text.Json;
using Matrix.EventSourced.Projections.Tests.Roomserver;

namespace Matrix.EventSourced.Api.Tests.Reading;

[Collection(RoomserverDatabase.Collection)]
public sealed class Reading_endpoints(RoomserverDatabase database)
{
    private const string Ada = "@ada:t";
    private const string Bob = "@bob:t";
    private const string Cyd = "@cyd:t";
    private const string Rooms = "/_matrix/client/v3/rooms/{roomId}";

    private readonly TestLog _log = new();

    [Theory]
    [InlineData("b", 3)]
    [InlineData("f", 4)]
    [InlineData("b", 100)]
    public async Task messages_pages_show_every_event_once_and_end(string direction, int limit)
    {
        var (host, harness, room) = await StartAsync($"pages_{direction}_{limit}");
        for (var message = 0; message < 20; message++)
            room.Message(Ada, $"m{message}");
        await harness.FollowAsync(_log);
        var seen = new List<string>();
        var from = string.Empty;
        while (true)
        {
            var (status, page) = await host.GetAsync(Ada, Rooms + "/messages", $"?dir={direction}&limit={limit}{from}", room.RoomId);
            Assert.Equal(200, status);
            seen.AddRange(Ids(page.GetProperty("chunk")));
            if (!page.TryGetProperty("end", out var end))
                break;
            from = "&from=" + end.GetString();
        }
        var expected = _log.Records.Select(record => ((Facts.Roomserver.PduRecorded)record.Fact).EventId.Value);
        Assert.Equal(direction == "f" ? expected : expected.Reverse(), seen);
    }

    [Fact]
    public async Task a_former_member_reads_up_to_the_leave_and_the_state_as_it_was_then()
    {
        var (host, harness, room) = await StartAsync("former");
        room.Send("m.room.name", "", Ada, """{"name":"then"}""");
        room.Message(Ada, "before");
        room.Member(Bob, Bob, "leave");
        room.Message(Ada, "after");
        room.Send("m.room.name", "", Ada, """{"name":"now"}""");
        await harness.FollowAsync(_log);
        var (_, page) = await host.GetAsync(Bob, Rooms + "/messages", "?dir=b&limit=2", room.RoomId);
        Assert.Equal(["m.room.member", "m.room.message"], Strings(page.GetProperty("chunk"), "type"));
        var (_, name) = await host.GetAsync(Bob, Rooms + "/state/{eventType}/{stateKey?}", "", room.RoomId, "m.room.name", "");
        Assert.Equal("then", name.GetProperty("name").GetString());
        var (status, _) = await host.GetAsync(Bob, Rooms + "/joined_members", "", room.RoomId);
        Assert.Equal(403, status);
    }

    [Theory]
    [InlineData("/messages", "?dir=b", 403, "M_FORBIDDEN")]
    [InlineData("/state", "", 403, "M_FORBIDDEN")]
    [InlineData("/members", "", 403, "M_FORBIDDEN")]
    [InlineData("/joined_members", "", 403, "M_FORBIDDEN")]
    public async Task strangers_read_nothing(string path, string query, int status, string errCode)
    {
        var (host, _, room) = await StartAsync("strangers" + path[1..]);
        foreach (var roomId in (string[])[room.RoomId, "!unknown:t"])
        {
            var (actual, body) = await host.GetAsync(Cyd, Rooms + path, query, roomId);
            Assert.Equal(status, actual);
            Assert.Equal(errCode, body.GetProperty("errcode").GetString());
        }
    }

    [Fact]
    public async Task anybody_reads_a_world_readable_room()
    {
        var (host, harness, room) = await StartAsync("world", "world_readable");
        room.Message(Ada, "hello world");
        await harness.FollowAsync(_log);
        var (status, page) = await host.GetAsync(Cyd, Rooms + "/messages", "?dir=b&limit=1", room.RoomId);
        Assert.Equal(200, status);
        Assert.Equal(["m.room.message"], Strings(page.GetProperty("chunk"), "type"));
        Assert.Equal("leave", page.GetProperty("chunk")[0].GetProperty("unsigned").GetProperty("membership").GetString());
    }

    [Theory]
    [InlineData("/messages", "", "M_MISSING_PARAM")]
    [InlineData("/messages", "?dir=x", "M_INVALID_PARAM")]
    [InlineData("/messages", "?dir=b&from=nonsense", "M_INVALID_PARAM")]
    [InlineData("/messages", "?dir=b&limit=-1", "M_INVALID_PARAM")]
    [InlineData("/messages", "?dir=b&filter=%7B", "M_INVALID_PARAM")]
    [InlineData("/members", "?membership=friend", "M_INVALID_PARAM")]
    [InlineData("/members", "?at=x", "M_INVALID_PARAM")]
    public async Task bad_parameters_are_refused(string path, string query, string errCode)
    {
        var (host, _, room) = await StartAsync("bad_parameters");
        var (status, body) = await host.GetAsync(Ada, Rooms + path, query, room.RoomId);
        Assert.Equal(400, status);
        Assert.Equal(errCode, body.GetProperty("errcode").GetString());
    }

    [Fact]
    public async Task members_are_those_of_the_token_and_of_the_wanted_membership()
    {
        var (host, harness, room) = await StartAsync("members");
        var token = _log.Head;
        room.Member(Ada, Cyd, "invite");
        room.Member(Bob, Bob, "leave");
        await harness.FollowAsync(_log);
        var (_, then) = await host.GetAsync(Ada, Rooms + "/members", $"?at=s{token}", room.RoomId);
        Assert.Equal([Ada, Bob], Strings(then.GetProperty("chunk"), "state_key"));
        var (_, invited) = await host.GetAsync(Ada, Rooms + "/members", "?membership=invite", room.RoomId);
        Assert.Equal([Cyd], Strings(invited.GetProperty("chunk"), "state_key"));
        var (_, notLeft) = await host.GetAsync(Ada, Rooms + "/members", "?not_membership=leave", room.RoomId);
        Assert.Equal([Ada, Cyd], Strings(notLeft.GetProperty("chunk"), "state_key"));
        var (_, joined) = await host.GetAsync(Ada, Rooms + "/joined_members", "", room.RoomId);
        Assert.Equal([Ada], joined.GetProperty("joined").EnumerateObject().Select(member => member.Name));
        // matrix-nio refused the whole answer where somebody in the room had no name, and could not encrypt.
        Assert.Equal(Ada, joined.GetProperty("joined").GetProperty(Ada).GetProperty("display_name").GetString());
    }

    [Fact]
    public async Task an_event_comes_with_its_unsigned_data()
    {
        var (host, harness, room) = await StartAsync("event");
        var first = room.Send("m.room.name", "", Ada, """{"name":"one"}""");
        var second = room.Send("m.room.name", "", Ada, """{"name":"two"}""");
        var message = room.Message(Ada, "mine", "txn1");
        await harness.FollowAsync(_log);
        var (_, name) = await host.GetAsync(Bob, Rooms + "/event/{eventId}", "", room.RoomId, second.Value);
        var unsigned = name.GetProperty("unsigned");
        Assert.Equal(first.Value, unsigned.GetProperty("replaces_state").GetString());
        Assert.Equal("one", unsigned.GetProperty("prev_content").GetProperty("name").GetString());
        Assert.Equal(room.RoomId, name.GetProperty("room_id").GetString());
        var (_, own) = await host.GetAsync(Ada, Rooms + "/event/{eventId}", "", room.RoomId, message.Value);
        Assert.Equal("txn1", own.GetProperty("unsigned").GetProperty("transaction_id").GetString());
        var (_, others) = await host.GetAsync(Bob, Rooms + "/event/{eventId}", "", room.RoomId, message.Value);
        Assert.False(others.GetProperty("unsigned").TryGetProperty("transaction_id", out _));
        foreach (var (user, id) in ((string, string)[])[(Ada, "$unknown"), (Ada, "nonsense"), (Cyd, message.Value)])
            Assert.Equal(404, (await host.GetAsync(user, Rooms + "/event/{eventId}", "", room.RoomId, id)).Status);
    }

    [Fact]
    public async Task context_shows_what_stands_around_an_event_and_tokens_that_go_on()
    {
        var (host, harness, room) = await StartAsync("context");
        var ids = Enumerable.Range(0, 9).Select(number => room.Message(Ada, $"m{number}").Value).ToList();
        await harness.FollowAsync(_log);
        var (_, context) = await host.GetAsync(Ada, Rooms + "/context/{eventId}", "?limit=4", room.RoomId, ids[4]);
        Assert.Equal([ids[3], ids[2]], Ids(context.GetProperty("events_before")));
        Assert.Equal([ids[5], ids[6]], Ids(context.GetProperty("events_after")));
        Assert.Equal(ids[4], context.GetProperty("event").GetProperty("event_id").GetString());
        Assert.Equal(6, context.GetProperty("state").GetArrayLength());
        var (_, before) = await host.GetAsync(Ada, Rooms + "/messages", $"?dir=b&limit=1&from={context.GetProperty("start")}", room.RoomId);
        Assert.Equal([ids[1]], Ids(before.GetProperty("chunk")));
        var (_, after) = await host.GetAsync(Ada, Rooms + "/messages", $"?dir=f&limit=1&from={context.GetProperty("end")}", room.RoomId);
        Assert.Equal([ids[7]], Ids(after.GetProperty("chunk")));
    }

    [Fact]
    public async Task redacted_events_say_why()
    {
        var (host, harness, room) = await StartAsync("redacted");
        var target = room.Message(Ada, "secret");
        var redaction = room.Redact(Ada, target);
        await harness.FollowAsync(_log);
        var (_, stored) = await host.GetAsync(Ada, Rooms + "/event/{eventId}", "", room.RoomId, target.Value);
        Assert.False(stored.GetProperty("content").TryGetProperty("body", out _));
        Assert.Equal(
            redaction.Value,
            stored.GetProperty("unsigned").GetProperty("redacted_because").GetProperty("event_id").GetString());
    }

    private async Task<(ReadingHost Host, RoomserverHarness Harness, TestRoom Room)> StartAsync(string name, string visibility = "shared")
    {
        var harness = await RoomserverHarness.CreateAsync(database.Source, "reading_" + name);
        var room = new TestRoom(_log, "!room:t", Ada, visibility);
        room.Member(Bob, Bob, "join");
        await harness.FollowAsync(_log);
        return (new ReadingHost(harness), harness, room);
    }

    private static IEnumerable<string> Ids(JsonElement events) => Strings(events, "event_id");

    private static IEnumerable<string> Strings(JsonElement events, string name) =>
        events.EnumerateArray().Select(stored => stored.GetProperty(name).GetString()!);
}
