using System.Runtime.CompilerServices;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>One subscriber: reads the file until it has caught up, then lives from memory; one that is too slow goes
/// back to the file.</summary>
/// <remarks>
/// <code>
///   catching up ──(file read to the head)──► CaughtUp ──► live
///        ▲                                                  │
///        └── FellBehind ◄──(what it wants is gone from memory)
/// </code>
/// Nothing is polled: live, it waits for the signal that an append gives.
/// </remarks>
internal sealed class Subscription(
    LiveFeed feed, Func<LogPosition, ReadDirection, long, LogPage> readPage, RecordFilter filter)
{
    /// <summary>LIMIT: records taken from memory at once. Ours: a lock per batch rather than per record.</summary>
    private const int BatchMax = 128;

    private readonly LogRecord[] _batch = new LogRecord[BatchMax];

    public async IAsyncEnumerable<SubscriptionMessage> RunAsync(
        LogPosition after,
        CancellationToken closed,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(closed, cancellationToken);
        var position = after;
        LogPosition? caughtUpAt = null;
        var isLive = false;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (closed.IsCancellationRequested)
                throw new EventStoreException("The log is closed.");
            var (records, end, isHead) = isLive ? TakeLive(position) : ReadFile(position);
            if (records is null)
            {
                isLive = false;
                caughtUpAt = null;
                yield return new SubscriptionMessage.FellBehind();
                continue;
            }
            for (var i = 0; i < records.Count; i++)
            {
                if (filter.Passes(records[i]))
                    yield return new SubscriptionMessage.Recorded(records[i]);
            }
            position = LogPosition.Max(position, end);
            if (isHead && caughtUpAt != position)
            {
                caughtUpAt = position;
                yield return new SubscriptionMessage.CaughtUp(position);
            }
            else if (records.Count > 0 && !filter.Passes(records[^1]))
                yield return new SubscriptionMessage.Checkpoint(position);
            if (!isHead)
                continue;
            isLive = true;
            await WaitAsync(position, either.Token, cancellationToken);
        }
    }

    private async ValueTask WaitAsync(
        LogPosition position, CancellationToken either, CancellationToken cancellationToken)
    {
        var grown = feed.WaitBeyondAsync(position);
        if (grown.IsCompleted)
            return;
        try
        {
            await grown.WaitAsync(either);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The log was closed: the loop says so.
        }
    }

    /// <summary>The next records of the file, up to where they leave nothing unsaid, and whether that was the
    /// head.</summary>
    private (IReadOnlyList<LogRecord>? Records, LogPosition End, bool IsHead) ReadFile(LogPosition position)
    {
        // The head is taken first: what the page then leaves out before it is hidden, not late.
        var head = feed.Head;
        var page = readPage(position, ReadDirection.Forwards, long.MaxValue);
        var last = page.Records.Count > 0 ? page.Records[^1].Position : position;
        return (page.Records, page.IsLast ? LogPosition.Max(last, head) : last, page.IsLast);
    }

    private (IReadOnlyList<LogRecord>? Records, LogPosition End, bool IsHead) TakeLive(LogPosition position)
    {
        if (feed.TryRead(position, _batch) is not { } count)
            return (null, position, false);
        var end = count > 0 ? _batch[count - 1].Position : position;
        return (new ArraySegment<LogRecord>(_batch, 0, count), end, count < BatchMax);
    }
}
