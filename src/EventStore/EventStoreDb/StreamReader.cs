using System.Runtime.CompilerServices;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Reads one stream.</summary>
internal sealed class StreamReader(NodeCalls calls)
{
    public async IAsyncEnumerable<LogRecord> ReadAsync(
        StreamName stream,
        long? from,
        ReadDirection direction,
        long maxCount,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (next, left) = (from, maxCount);
        using var read = new ResilientRead(calls, () => ReadRequests.OfStream(stream, next, direction, left));
        while (left > 0 && await NextAsync(read, cancellationToken) is { } record)
        {
            left--;
            next = record.Revision + (direction == ReadDirection.Forwards ? 1 : -1);
            yield return record;
            if (next < 0)
                yield break;
        }
    }

    /// <summary>Where a stream stands. Cost: one round trip; two where its bounds hide all that it holds.</summary>
    public async ValueTask<StreamState> ReadStateAsync(StreamName stream, CancellationToken cancellationToken)
    {
        try
        {
            var (exists, last) = await ReadLastAsync(stream, ReadDirection.Backwards, cancellationToken);
            if (exists && last is null)
                (_, last) = await ReadLastAsync(stream, ReadDirection.Forwards, cancellationToken);
            return new StreamState(last);
        }
        catch (RpcException tombstoned) when (CallErrors.IsTombstoned(tombstoned))
        {
            return new StreamState(null, IsTombstoned: true);
        }
        catch (RpcException problem)
        {
            throw CallErrors.Translate(problem);
        }
    }

    /// <summary>The last revision, as the last record or, forwards only, the node itself says it.</summary>
    private async ValueTask<(bool Exists, long? Last)> ReadLastAsync(
        StreamName stream, ReadDirection direction, CancellationToken cancellationToken)
    {
        using var read = new ResilientRead(calls, () => ReadRequests.OfStream(stream, null, direction, 1));
        long? last = null;
        while (await read.NextAsync(cancellationToken) is { } said)
        {
            switch (said.ContentCase)
            {
                case ReadResp.ContentOneofCase.StreamNotFound:
                    return (false, null);
                case ReadResp.ContentOneofCase.Event when direction == ReadDirection.Backwards:
                    last = (long)said.Event.Event.StreamRevision;
                    break;
                case ReadResp.ContentOneofCase.LastStreamPosition:
                    last = Math.Max(last ?? 0, (long)said.LastStreamPosition);
                    break;
            }
        }
        return (true, last);
    }

    private static async ValueTask<LogRecord?> NextAsync(ResilientRead read, CancellationToken cancellationToken)
    {
        try
        {
            while (await read.NextAsync(cancellationToken) is { } said)
            {
                if (said.ContentCase == ReadResp.ContentOneofCase.Event)
                    return WireRecords.ToRecord(said.Event);
                if (said.ContentCase == ReadResp.ContentOneofCase.StreamNotFound)
                    return null;
            }
            return null;
        }
        catch (RpcException tombstoned) when (CallErrors.IsTombstoned(tombstoned))
        {
            return null;
        }
        catch (RpcException problem)
        {
            throw CallErrors.Translate(problem);
        }
    }
}
