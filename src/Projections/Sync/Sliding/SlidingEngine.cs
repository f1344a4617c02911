using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>Answers sliding sync: at once where there is something to say, else when something happens or the time is
/// over.</summary>
/// <remarks>
/// See MSC4186. The other face of <see cref="SyncEngine"/>: the same live view, the same reads, bounded by the same
/// positions; what a client was told is kept per connection and per room.
/// </remarks>
public sealed class SlidingEngine(
    LiveView live,
    FeedLoader feeds,
    RoomReader reader,
    RoomShapeReader shapes,
    LeftRooms leftRooms,
    SlidingConnections connections,
    IAccountDataQueries accountData,
    IProjectionGate gate,
    TimeProvider time,
    IEnumerable<ISyncPart> parts)
{
    private static readonly string[] RoomserverOnly = [RoomserverProjection.ProjectionName];

    private readonly UnwantedSenders _unwanted = new(live, accountData, gate);
    private readonly SlidingUserReader _users = new(live, accountData, gate);
    private readonly SlidingExtensionReader _extensions = new(parts, accountData, gate);

    /// <summary>The answer and its pos; null where the request's pos is unknown, or another request took over the
    /// connection.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="ending">Ends the wait, never a read.</param>
    /// <param name="clientGone">Ends reads too: nobody wants the answer any more.</param>
    public async ValueTask<(SlidingAnswer Answer, string Pos)?> AnswerAsync(
        SlidingRequest request, CancellationToken ending, CancellationToken clientGone)
    {
        var startedAt = time.GetTimestamp();
        if (connections.Begin(request) is not { } turn)
            return null;
        var atLeast = (long)(await gate.WaitForHeadAsync(RoomserverOnly, clientGone)).Value;
        var mayWait = request is { TimeoutMs: > 0, Pos: not null };
        while (true)
        {
            var feed = await feeds.OpenAsync(request.User.Value, clientGone);
            atLeast = Math.Max(atLeast, feed.LoadedUpTo);
            var answer = await BuildAsync(request, turn, feed, atLeast, clientGone);
            var left = TimeSpan.FromMilliseconds(request.TimeoutMs) - time.GetElapsedTime(startedAt);
            if (!mayWait || !answer.IsEmpty || ending.IsCancellationRequested || left <= TimeSpan.Zero
                || !await WaitAsync(feed, answer.Position, left, turn, ending))
            {
                return connections.Finish(turn, answer) is { } pos ? (answer, pos) : null;
            }
            // INVARIANT: the answer's position never passes what the Roomserver's projection has applied.
            var news = live.LastNewsOf(feed).Any;
            if (news > atLeast)
            {
                var reached = await gate.WaitForAsync(RoomserverOnly, new((ulong)news), clientGone);
                atLeast = Math.Max(atLeast, Math.Min(news, (long)reached.Value));
            }
        }
    }

    private async ValueTask<SlidingAnswer> BuildAsync(
        SlidingRequest request,
        SlidingTurn turn,
        UserFeed feed,
        long atLeast,
        CancellationToken cancellationToken)
    {
        var snapshot = live.Snapshot(feed, null, Math.Max(atLeast, turn.Position ?? 0));
        var (ignored, blocksInvites) = await _unwanted.OfAsync(
            feed, request.User, snapshot.Position, cancellationToken);
        var user = await _users.ReadAsync(feed, request.User, snapshot.Position, cancellationToken);
        var lists = new SlidingLists(request, snapshot, turn.Sent, reader, shapes, leftRooms, user);
        await lists.FindAsync(cancellationToken);
        var answer = new SlidingAnswer
        {
            Position = snapshot.Position,
            Device = new SyncAnswer { NextBatch = snapshot.Position },
            Sent = turn.Sent,
        };
        answer.Lists.AddRange(lists.Counts);
        await new SlidingBuilder(request, lists, turn, user, reader, ignored, blocksInvites)
            .AddRoomsAsync(answer, cancellationToken);
        var joined = new Lazy<List<UserMembership>>(() => live.JoinedRooms(feed, snapshot.Position));
        await _extensions.AddAsync(request, turn, lists, joined, ignored, answer, cancellationToken);
        return answer;
    }

    private async ValueTask<bool> WaitAsync(
        UserFeed feed, long position, TimeSpan timeout, SlidingTurn turn, CancellationToken ending)
    {
        var waiter = live.Wait(feed, position);
        if (waiter.Task.IsCompleted)
            return true;
        using var timer = time.CreateTimer(
            static state => ((TaskCompletionSource)state!).TrySetResult(), waiter, timeout, Timeout.InfiniteTimeSpan);
        using var registration = ending.UnsafeRegister(
            static state => ((TaskCompletionSource)state!).TrySetResult(), waiter);
        await Task.WhenAny(waiter.Task, turn.Ended);
        live.StopWaiting(feed, waiter);
        return !ending.IsCancellationRequested && !turn.Ended.IsCompleted;
    }
}
