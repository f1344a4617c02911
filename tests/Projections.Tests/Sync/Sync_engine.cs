using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Projections.Tests.Sync;

[Collection(RoomserverDatabase.Collection)]
public sealed class Sync_engine(RoomserverDatabase database)
{
    private const string Ada = "@ada:t";
    private const string Bob = "@bob:t";

    private readonly FakeTimeProvider _time = new();
    private readonly TestLog _log = new();

    [Fact]
    public async Task a_long_poll_ends_with_the_message_of_another_user()
    {
        var (harness, room) = await StartAsync("poll_message");
        var token = (await SyncAsync(harness, Ada, null)).NextBatch;
        var poll = WaitAsync(harness, Ada, token);
        Assert.False(poll.IsCompleted);
        room.Message(Bob, "hello");
        await harness.FollowAsync(_log);
        var answer = await poll;
        Assert.Equal("hello", Assert.Single(Assert.Single(answer.Joined).Timeline).Pdu.FindContentString("body"u8));
        Assert.Empty(answer.Joined[0].State);
        Assert.Null(answer.Joined[0].Summary);
    }

    [Fact]
    public async Task a_long_poll_sleeps_through_rooms_of_others_and_ends_with_its_time()
    {
        var (harness, _) = await StartAsync("poll_other");
        var token = (await SyncAsync(harness, Ada, null)).NextBatch;
        var poll = WaitAsync(harness, Ada, token);
        var other = new TestRoom(_log, "!other:t", Bob);
        other.Message(Bob, "not for you");
        await harness.FollowAsync(_log);
        Assert.False(poll.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(31));
        var answer = await poll;
        Assert.True(answer.IsEmpty);
    }

    [Fact]
    public async Task a_long_poll_ends_at_once_when_the_server_stops()
    {
        var (harness, _) = await StartAsync("poll_stop");
        var token = (await SyncAsync(harness, Ada, null)).NextBatch;
        using var stopping = new CancellationTokenSource();
        var poll = harness.Engine.AnswerAsync(
            Request(Ada, token) with { TimeoutMs = 30_000 }, stopping.Token, default).AsTask();
        Assert.False(poll.IsCompleted);
        await stopping.CancelAsync();
        Assert.True((await poll).IsEmpty);
    }

    [Fact]
    public async Task an_invite_ends_the_long_poll_of_the_invited_and_carries_its_stripped_state()
    {
        var (harness, room) = await StartAsync("poll_invite");
        var token = (await SyncAsync(harness, "@cyd:t", null)).NextBatch;
        var poll = WaitAsync(harness, "@cyd:t", token);
        room.Member(Ada, "@cyd:t", "invite");
        await harness.FollowAsync(_log);
        var invite = Assert.Single((await poll).Invited);
        Assert.Contains(
            "m.room.create", System.Text.Encoding.UTF8.GetString(invite.StrippedState.Span), StringComparison.Ordinal);
        Assert.Equal("@cyd:t", invite.Member.StateKey);
    }

    [Fact]
    public async Task account_data_ends_the_long_poll_of_its_user_only()
    {
        var (harness, _) = await StartAsync("poll_account");
        var token = (await SyncAsync(harness, Ada, null)).NextBatch;
        var (mine, theirs) = (WaitAsync(harness, Ada, token), WaitAsync(harness, Bob, token));
        _log.Add(new AccountDataSet(UserId.Parse(Ada), null, "m.test", RawJson.FromText("{}")));
        harness.AccountData.Add(new(null, "m.test", "{}"u8.ToArray(), new LogPosition((ulong)_log.Head)));
        await harness.FollowAsync(_log);
        Assert.Equal("m.test", Assert.Single((await mine).AccountData).Type);
        Assert.False(theirs.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(31));
        await theirs;
    }

    [Fact]
    public async Task a_gap_is_limited_and_its_state_comes_before_the_timeline()
    {
        var (harness, room) = await StartAsync("gap");
        var token = (await SyncAsync(harness, Ada, null)).NextBatch;
        room.Send("m.room.topic", "", Bob, """{"topic":"in the gap"}""");
        for (var message = 0; message < 5; message++)
            room.Message(Bob, $"m{message}");
        await harness.FollowAsync(_log);
        var answer = await SyncAsync(harness, Ada, token, limit: 3);
        var shown = Assert.Single(answer.Joined);
        Assert.True(shown.IsLimited);
        Assert.Equal(["m2", "m3", "m4"], shown.Timeline.Select(stored => stored.Pdu.FindContentString("body"u8)));
        Assert.Equal("m.room.topic", Assert.Single(shown.State).Type);
        Assert.Equal(TimelinePlace.After(shown.Timeline[0].Position - 1), shown.PrevBatch);
    }

    [Fact]
    public async Task a_room_joined_since_the_token_comes_whole()
    {
        var (harness, room) = await StartAsync("joined");
        var token = (await SyncAsync(harness, "@cyd:t", null)).NextBatch;
        room.Member("@cyd:t", "@cyd:t", "join");
        room.Message(Bob, "welcome");
        await harness.FollowAsync(_log);
        var shown = Assert.Single((await SyncAsync(harness, "@cyd:t", token, limit: 2)).Joined);
        Assert.Contains(shown.State, stored => stored.Type == "m.room.create");
        Assert.Equal(2, shown.Timeline.Count);
        Assert.True(shown.IsLimited);
        Assert.Equal(3, shown.Summary!.Joined);
        Assert.Equal([Ada, Bob], shown.Summary.Heroes);
    }

    [Fact]
    public async Task a_room_left_since_the_token_shows_what_came_before_the_leave()
    {
        var (harness, room) = await StartAsync("left");
        var token = (await SyncAsync(harness, Bob, null)).NextBatch;
        room.Message(Ada, "before");
        room.Member(Ada, Bob, "leave");
        room.Message(Ada, "after");
        await harness.FollowAsync(_log);
        var answer = await SyncAsync(harness, Bob, token);
        Assert.Empty(answer.Joined);
        var left = Assert.Single(answer.Left);
        Assert.Equal(["m.room.message", "m.room.member"], left.Timeline.Select(stored => stored.Type));
        Assert.True((await SyncAsync(harness, Bob, answer.NextBatch)).IsEmpty);
    }

    [Fact]
    public async Task lazy_loading_sends_a_sender_once_and_again_when_the_answer_was_lost()
    {
        var (harness, room) = await StartAsync("lazy");
        var filter = new SyncFilter { State = new() { LazyLoadMembers = true }, Timeline = new() { Limit = 1 } };
        room.Message(Ada, "newest");
        await harness.FollowAsync(_log);
        var first = await SyncAsync(harness, Ada, null, filter: filter);
        Assert.DoesNotContain(
            first.Joined[0].State, stored => stored.StateKey == Bob && first.Joined[0].Summary!.Heroes.Count == 0);
        room.Message("@bob:t", "one");
        await harness.FollowAsync(_log);
        var second = await SyncAsync(harness, Ada, first.NextBatch, filter: filter);
        var repeated = await SyncAsync(harness, Ada, first.NextBatch, filter: filter);
        Assert.Contains(second.Joined[0].State, stored => stored.StateKey == Bob);
        Assert.Contains(repeated.Joined[0].State, stored => stored.StateKey == Bob);
        room.Message(Bob, "two");
        await harness.FollowAsync(_log);
        var third = await SyncAsync(harness, Ada, second.NextBatch, filter: filter);
        Assert.Empty(third.Joined[0].State);
    }

    [Fact]
    public async Task a_redacted_event_comes_without_content_and_with_its_reason_from_memory_and_tables()
    {
        var (harness, room) = await StartAsync("redacted");
        var token = (await SyncAsync(harness, Ada, null)).NextBatch;
        var target = room.Message(Bob, "secret");
        await harness.FollowAsync(_log);
        var redaction = room.Redact(Ada, target);
        await harness.FollowAsync(_log);
        foreach (var since in (long?[])[token, null])
        {
            var timeline = (await SyncAsync(harness, Ada, since)).Joined[0].Timeline;
            var redacted = timeline.Single(stored => stored.EventId == target.Value);
            Assert.Null(redacted.Pdu.FindContentString("body"u8));
            Assert.Equal(redaction.Value, redacted.Redaction!.EventId);
        }
    }

    private async Task<(RoomserverHarness Harness, TestRoom Room)> StartAsync(string schema)
    {
        var harness = await RoomserverHarness.CreateAsync(database.Source, "engine_" + schema, time: _time);
        var room = new TestRoom(_log, "!room:t", Ada);
        room.Member(Bob, Bob, "join");
        await harness.FollowAsync(_log);
        return (harness, room);
    }

    private static SyncRequest Request(string user, long? since, int limit = 20) => new(UserId.Parse(user), "DEVICE")
    {
        Since = since,
        Filter = new() { Timeline = new EventFilter { Limit = limit } },
    };

    private static async Task<SyncAnswer> SyncAsync(
        RoomserverHarness harness, string user, long? since, int limit = 20, SyncFilter? filter = null)
    {
        var request = Request(user, since, limit);
        return await harness.Engine.AnswerAsync(
            filter is null ? request : request with { Filter = filter }, default, default);
    }

    private static Task<SyncAnswer> WaitAsync(RoomserverHarness harness, string user, long since) =>
        harness.Engine.AnswerAsync(Request(user, since) with { TimeoutMs = 30_000 }, default, default).AsTask();
}
