using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Answers /sync: at once where there is something to say, else when something happens or the time is
/// over.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #syncing.
/// Cost: a poll that finds nothing is a look at the user's feed under the live view's lock; one that finds new PDUs in
/// memory asks PostgreSQL only
/// for what is not there (state of a gap, summaries, members); everything else is two round trips, whatever the number
/// of rooms.
/// </remarks>
public sealed class SyncEngine(
    LiveView live,
    FeedLoader feeds,
    RoomReader reader,
    IAccountDataQueries accountData,
    IProjectionGate gate,
    LazyMembers lazyMembers,
    TimeProvider time,
    IEnumerable<ISyncPart> parts)
{
    private static readonly string[] RoomserverOnly = [RoomserverProjection.ProjectionName];
    private static readonly string[] UserApiOnly = ["userapi"];

    private readonly ISyncPart[] _parts = [.. parts];
    private readonly UnwantedSenders _unwanted = new(live, accountData, gate);

    /// <summary>The answer. <paramref name="ending"/> ends a wait early (the client left, the server stops): then it
    /// is what there is.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="ending">Ends the wait, never a read.</param>
    /// <param name="clientGone">Ends reads too: nobody wants the answer any more.</param>
    public async ValueTask<SyncAnswer> AnswerAsync(
        SyncRequest request, CancellationToken ending, CancellationToken clientGone)
    {
        var startedAt = time.GetTimestamp();
        var atLeast = (long)(await gate.WaitForHeadAsync(RoomserverOnly, clientGone)).Value;
        var mayWait = request is { TimeoutMs: > 0, IsFullState: false, Since: not null };
        while (true)
        {
            var feed = await feeds.OpenAsync(request.User.Value, clientGone);
            atLeast = Math.Max(atLeast, feed.LoadedUpTo);
            var answer = await BuildAsync(request, feed, atLeast, clientGone);
            if (!mayWait || !answer.IsEmpty || ending.IsCancellationRequested)
                return answer;
            var left = TimeSpan.FromMilliseconds(request.TimeoutMs) - time.GetElapsedTime(startedAt);
            if (left <= TimeSpan.Zero || !await WaitAsync(feed, answer.NextBatch, left, ending))
                return answer;
            // Up to here there was nothing to say, and there will not be: what an ignored user sent meanwhile is not
            // sent later, when they are not ignored any more.
            request = request with { Since = answer.NextBatch };
            // Another projection may have been ahead with what ended the wait. INVARIANT: the answer's position never
            // passes what this one has applied.
            var news = live.LastNewsOf(feed).Any;
            if (news > atLeast)
            {
                var reached = await gate.WaitForAsync(RoomserverOnly, new((ulong)news), clientGone);
                atLeast = Math.Max(atLeast, Math.Min(news, (long)reached.Value));
            }
        }
    }

    private async ValueTask<SyncAnswer> BuildAsync(
        SyncRequest request, UserFeed feed, long atLeast, CancellationToken cancellationToken)
    {
        var snapshot = live.Snapshot(feed, request.IsFullState ? null : request.Since, atLeast);
        var (ignored, blocksInvites) = await _unwanted.OfAsync(
            feed, request.User, snapshot.Position, cancellationToken);
        var asked = request with { Ignored = ignored, BlocksInvites = blocksInvites };
        var isQuiet = snapshot.Joined.Count == 0 && snapshot.Others.Count == 0 && !snapshot.HasAccountData;
        var answer = isQuiet
            ? new SyncAnswer { NextBatch = Math.Max(snapshot.Position, request.Since ?? 0) }
            : await new SyncBuilder(asked, snapshot, live, reader, lazyMembers).BuildAsync(cancellationToken);
        if (snapshot.HasAccountData)
            await AddAccountDataAsync(asked, answer, cancellationToken);
        var joined = new Lazy<List<UserMembership>>(() => live.JoinedRooms(feed, answer.NextBatch));
        foreach (var part in _parts)
            await part.AddAsync(asked, joined, answer, cancellationToken);
        return answer;
    }

    private async ValueTask AddAccountDataAsync(
        SyncRequest request, SyncAnswer answer, CancellationToken cancellationToken)
    {
        var upTo = new LogPosition((ulong)answer.NextBatch);
        await gate.WaitForAsync(UserApiOnly, upTo, cancellationToken);
        var entries = request.Since is { } since
            ? await accountData.ChangedAsync(request.User, new((ulong)since), upTo, cancellationToken)
            : await accountData.AllAsync(request.User, cancellationToken);
        foreach (var entry in entries)
        {
            if (entry.Position > upTo)
                continue;
            if (entry.RoomId is not { } room)
            {
                if (request.Filter.AccountData.PassesType(entry.Type))
                    answer.AccountData.Add(entry);
            }
            else if (request.Filter.PassesRoom(room.Value)
                && request.Filter.RoomAccountData.PassesRoom(room.Value)
                && request.Filter.RoomAccountData.PassesType(entry.Type))
            {
                answer.RoomFor(room.Value)?.AccountData.Add(entry);
            }
        }
    }

    /// <summary>Waits until something concerns the user (true), or the time is over or the wait was ended (false). No
    /// exception either way.</summary>
    private async ValueTask<bool> WaitAsync(UserFeed feed, long position, TimeSpan timeout, CancellationToken ending)
    {
        var waiter = live.Wait(feed, position);
        if (waiter.Task.IsCompleted)
            return true;
        var over = false;
        using var timer = time.CreateTimer(
            _ =>
            {
                Volatile.Write(ref over, true);
                waiter.TrySetResult();
            },
            null,
            timeout,
            Timeout.InfiniteTimeSpan);
        using var registration = ending.UnsafeRegister(
            static state => ((TaskCompletionSource)state!).TrySetResult(), waiter);
        await waiter.Task;
        live.StopWaiting(feed, waiter);
        // Time over and something new at once: the news is worth telling.
        return !ending.IsCancellationRequested && (!Volatile.Read(ref over) || live.Position > position);
    }
}
