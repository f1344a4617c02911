using System.Security.Cryptography;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>One subscription, to a stream or to the whole log.</summary>
/// <remarks>
/// <code>
///   $all:    confirmation ─► what stands after the position ─► caught up ─► live …
///   stream:  confirmation ─► the stream to its end ─► the log from where its head was before that ─► caught up ─► …
/// </code>
/// Ensures: what was sent is never more than a flush ahead of what the client takes; the log waits for nobody.
/// "Caught up" is said when it becomes live, not at each later arrival at the head.
/// </remarks>
// HOT
internal sealed class GatewaySubscription(
    IEventReader log,
    ReadRequest request,
    GatewayReads reads,
    ResponseWriter<ReadResp> responses,
    CancellationToken cancellationToken)
{
    private long _considered;
    private bool _isLive;

    public async Task RunAsync()
    {
        if (request.Stream is { } stream)
            await FollowStreamAsync(stream);
        else
            await FollowAllAsync();
    }

    private async Task FollowAllAsync()
    {
        var after = request.From switch
        {
            ReadFrom.Given => new LogPosition((ulong)request.Given),
            ReadFrom.Start => LogPosition.Start,
            _ => await log.ReadHeadAsync(cancellationToken),
        };
        await ConfirmAsync();
        // The filter is applied here: what it leaves out is counted too.
        await FollowAsync(after, RecordFilter.Everything, async record =>
        {
            if (request.Filter.Passes(record))
                await reads.SendAsync(record);
            if (request.CheckpointInterval > 0 && ++_considered == request.CheckpointInterval)
            {
                _considered = 0;
                await responses.WriteAsync(WireRecords.Checkpoint(record.Position));
            }
        }, saysCaughtUp: static () => true);
    }

    private async Task FollowStreamAsync(StreamName stream)
    {
        var state = await log.ReadStreamStateAsync(stream, cancellationToken);
        if (state.IsTombstoned)
            throw GatewayRefusal.StreamDeleted(stream);
        var head = await log.ReadHeadAsync(cancellationToken);
        await ConfirmAsync();
        // Of a stream that is not there nothing is said, not even that all of it was, until it begins.
        var exists = state.LastRevision is not null;
        var last = -1L;
        if (request.From == ReadFrom.Given)
            last = request.Given;
        if (request.From != ReadFrom.End && last < long.MaxValue)
        {
            var records = log.ReadStreamAsync(
                stream, last + 1, ReadDirection.Forwards, long.MaxValue, cancellationToken);
            await foreach (var record in records)
            {
                await reads.SendAsync(record);
                last = record.Revision;
                exists = true;
            }
        }
        var filter = RecordFilter.Everything with { StreamPrefixes = [stream.Value] };
        await FollowAsync(head, filter, async record =>
        {
            if (record.Stream != stream || record.Revision <= last)
                return;
            exists = true;
            last = record.Revision;
            await reads.SendAsync(record);
        }, saysCaughtUp: () => exists);
    }

    private async Task FollowAsync(
        LogPosition after, RecordFilter filter, Func<LogRecord, ValueTask> consider, Func<bool> saysCaughtUp)
    {
        await using var messages =
            log.SubscribeAsync(after, filter, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            var next = messages.MoveNextAsync();
            // Whoever waits for more has everything so far.
            if (!next.IsCompleted)
                await responses.FlushAsync();
            if (!await next)
                return;
            switch (messages.Current)
            {
                case SubscriptionMessage.Recorded recorded:
                    await consider(recorded.Record);
                    break;
                case SubscriptionMessage.CaughtUp when !_isLive && saysCaughtUp():
                    _isLive = true;
                    await responses.WriteAsync(new ReadResp { CaughtUp = new ReadResp.Types.CaughtUp() });
                    break;
                case SubscriptionMessage.FellBehind when _isLive:
                    _isLive = false;
                    await responses.WriteAsync(new ReadResp { FellBehind = new ReadResp.Types.FellBehind() });
                    break;
            }
        }
    }

    private async Task ConfirmAsync()
    {
        var id = new Guid(RandomNumberGenerator.GetBytes(16));
        await responses.WriteAsync(new ReadResp
        {
            Confirmation = new ReadResp.Types.SubscriptionConfirmation { SubscriptionId = id.ToString() },
        });
        await responses.FlushAsync();
    }
}
