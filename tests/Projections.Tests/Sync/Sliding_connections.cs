using System.Collections.Immutable;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Sync.Sliding;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Projections.Tests.Sync;

public sealed class Sliding_connections
{
    private readonly SlidingConnections _connections = new(new FakeTimeProvider());

    [Fact]
    public void a_request_takes_over_from_one_that_waits()
    {
        var pos = Answer(Begin(null)!, 1);
        var waits = Begin(pos)!;

        var next = Begin(pos)!;

        Assert.True(waits.Ended.IsCompleted);
        Assert.Null(_connections.Finish(waits, At(2)));
        Assert.False(next.Ended.IsCompleted);
        Assert.NotNull(Begin(Answer(next, 2)));
    }

    [Fact]
    public void the_last_answer_may_be_asked_for_again_until_it_is_confirmed()
    {
        var first = Answer(Begin(null)!, 1);
        var second = Answer(Begin(first)!, 2);
        var again = Answer(Begin(first)!, 3);

        Assert.Null(Begin(second));
        Assert.Equal(3, Begin(again)!.Position);
        Assert.Null(Begin(first));
    }

    [Fact]
    public void a_device_has_few_connections()
    {
        var pos = Answer(Begin(null)!, 1);
        for (var number = 0; number < 20; number++)
            Answer(Begin(null, $"other{number}")!, 1);

        Assert.Null(Begin(pos));
    }

    private SlidingTurn? Begin(string? pos, string connection = "main") => _connections.Begin(
        new SlidingRequest(UserId.Parse("@ada:test"), "PHONE")
        {
            ConnectionId = connection,
            Pos = pos is null ? null : SlidingConnections.Parse(pos),
        });

    private string Answer(SlidingTurn turn, long position) => _connections.Finish(turn, At(position))!;

    private static SlidingAnswer At(long position) => new()
    {
        Position = position,
        Device = new SyncAnswer { NextBatch = position },
        Sent = ImmutableDictionary<string, SentRoom>.Empty,
    };
}
