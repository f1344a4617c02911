using System.Runtime.CompilerServices;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>One subscriber: reads from the node until it has caught up, then lives from the window; one that is too
/// slow goes back to the node.</summary>
/// <remarks>
/// <code>
///   catching up ──(read to the head)──► CaughtUp ──► live
///        ▲                                            │
///        └── FellBehind ◄──(what it wants has left the window)
/// </code>
/// CaughtUp is said once everything is that stood in the log when the catching up began, and from then on at each
/// arrival at the head.
/// </remarks>
internal sealed class LogSubscription(
    LogReader reader, HeadReader head, LogFollower follower, EventStoreDbOptions options, RecordFilter filter)
{
    /// <summary>LIMIT: records taken from the window at once. Ours: a lock per batch rather than per record.</summary>
    private const int BatchMax = 128;

    /// <summary>LIMIT: records left out in a row before their position is said. Ours: progress without a message for
    /// each.</summary>
    private const int SilenceMax = 512;

    private readonly LogRecord[] _batch = new LogRecord[BatchMax];

    public async IAsyncEnumerable<SubscriptionMessage> RunAsync(
        LogPosition after,
        CancellationToken closed,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(closed, cancellationToken);
        var position = after;
        LogPosition? caughtUpAt = null;
        var target = await head.ReadAsync(cancellationToken);
        var window = follower.WindowFrom(target);
        // What a stream's bounds have hidden meanwhile may still be in the window: the past is the node's to tell.
        var isPast = position < target;
        while (true)
        {
            var silent = 0;
            while (isPast || !window.Covers(position))
            {
                isPast = false;
                var seen = window.Head;
                await foreach (var record in reader.ForwardsAsync(position, long.MaxValue, cancellationToken))
                {
                    position = record.Position;
                    if (filter.Passes(record))
                    {
                        silent = 0;
                        yield return new SubscriptionMessage.Recorded(record);
                    }
                    else if (++silent == SilenceMax)
                    {
                        silent = 0;
                        yield return new SubscriptionMessage.Checkpoint(position);
                    }
                }
                // What the read left out of what was there when it began is hidden, not late; but only a leader's
                // reads are never late.
                if (options.Connection.Preference == NodePreference.Leader)
                    position = LogPosition.Max(position, LogPosition.Max(seen, target));
            }
            while (window.TryRead(position, _batch) is var (count, end, isHead))
            {
                cancellationToken.ThrowIfCancellationRequested();
                for (var i = 0; i < count; i++)
                {
                    if (filter.Passes(_batch[i]))
                        yield return new SubscriptionMessage.Recorded(_batch[i]);
                }
                var isSilent = count > 0 && !filter.Passes(_batch[count - 1]);
                position = end;
                if (isHead && position >= target && caughtUpAt != position)
                {
                    caughtUpAt = position;
                    yield return new SubscriptionMessage.CaughtUp(position);
                }
                else if (isSilent)
                    yield return new SubscriptionMessage.Checkpoint(position);
                if (isHead)
                    await WaitAsync(window, position, closed, either.Token, cancellationToken);
            }
            caughtUpAt = null;
            yield return new SubscriptionMessage.FellBehind();
            target = await head.ReadAsync(cancellationToken);
        }
    }

    private static async ValueTask WaitAsync(
        LiveWindow window,
        LogPosition position,
        CancellationToken closed,
        CancellationToken either,
        CancellationToken cancellationToken)
    {
        var grown = window.WaitBeyondAsync(position);
        if (grown.IsCompletedSuccessfully)
            return;
        try
        {
            await grown.WaitAsync(either);
        }
        catch (OperationCanceledException) when (
            closed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new EventStoreException("The log is closed.");
        }
    }
}
