using System.Runtime.CompilerServices;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Reads the whole log, system records and all; the port's exclusive and inclusive ends are made from the
/// protocol's here.</summary>
/// <remarks>
/// <code>
///                      port              protocol
///   forwards from p    after p           from p on          what stands at p is left out
///   backwards from p   at or before p    before p           what stands at p is read by a forward read first
/// </code>
/// A node knows only positions at which records begin. One that it does not know (an audit asks for any number) is
/// looked for from the end of the log: rare, and as slow as the way is long.
/// </remarks>
internal sealed class LogReader(NodeCalls calls)
{
    /// <summary>LIMIT: records asked for beyond those wanted, for the filter to leave out. Ours: a few more bytes
    /// rather than another round trip.</summary>
    private const int SpareRecords = 32;

    public async IAsyncEnumerable<LogRecord> ReadAsync(
        LogPosition? from,
        ReadDirection direction,
        long maxCount,
        RecordFilter filter,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (maxCount <= 0)
            yield break;
        var ahead = Math.Min(maxCount, long.MaxValue - SpareRecords) + SpareRecords;
        var records = direction == ReadDirection.Forwards
            ? ForwardsAsync(from ?? LogPosition.Start, ahead, cancellationToken)
            : BackwardsAsync(from, ahead, cancellationToken);
        await foreach (var record in records)
        {
            if (!filter.Passes(record))
                continue;
            yield return record;
            if (--maxCount == 0)
                yield break;
        }
    }

    /// <summary>Every record after a position, to the end of the log as it is then.</summary>
    /// <param name="after">Where to begin.</param>
    /// <param name="pageMax">So many are asked for at once; the read goes on until there are no more.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    public async IAsyncEnumerable<LogRecord> ForwardsAsync(
        LogPosition after, long pageMax, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var place = after;
        using var read = new ResilientRead(calls, () => ReadRequests.OfAll(
            place == LogPosition.Start ? null : place, ReadDirection.Forwards, pageMax));
        var seen = 0L;
        var isKnown = after == LogPosition.Start;
        while (true)
        {
            var (said, isBad) = await NextAsync(read, isKnown, cancellationToken);
            if (isBad)
            {
                place = await FindBoundaryAsync(after, cancellationToken);
                read.Restart();
                isKnown = true;
            }
            else if (said is not null)
            {
                isKnown = true;
                seen++;
                place = LogPosition.Max(place, WireRecords.PositionOf(said));
                if (WireRecords.PositionOf(said) > after)
                    yield return WireRecords.ToRecord(said);
                after = LogPosition.Max(after, place);
            }
            else if (seen < pageMax)
            {
                yield break;
            }
            else
            {
                read.Restart();
                seen = 0;
            }
        }
    }

    /// <summary>The last position of the log, whoever wrote it.</summary>
    public async ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken)
    {
        using var read = new ResilientRead(calls, () => ReadRequests.OfAll(null, ReadDirection.Backwards, 1));
        var head = LogPosition.Start;
        try
        {
            while (await read.NextAsync(cancellationToken) is { } said)
            {
                head = LogPosition.Max(head, said.ContentCase switch
                {
                    ReadResp.ContentOneofCase.Event => WireRecords.PositionOf(said.Event),
                    ReadResp.ContentOneofCase.LastAllStreamPosition => new(said.LastAllStreamPosition.CommitPosition),
                    _ => LogPosition.Start,
                });
            }
        }
        catch (RpcException problem)
        {
            throw CallErrors.Translate(problem);
        }
        return head;
    }

    private async IAsyncEnumerable<LogRecord> BackwardsAsync(
        LogPosition? from, long pageMax, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (from == LogPosition.Start)
            yield break;
        var place = from;
        if (from is { } position)
        {
            var (there, isBad) = await ReadAtAsync(position, cancellationToken);
            if (there is not null)
                yield return there;
            // Whatever stands before a place that is none is read from the end; what is behind it is left out.
            if (isBad)
                place = null;
        }
        using var read = new ResilientRead(calls, () => ReadRequests.OfAll(place, ReadDirection.Backwards, pageMax));
        var seen = 0L;
        while (true)
        {
            var (said, _) = await NextAsync(read, isKnown: true, cancellationToken);
            if (said is not null)
            {
                seen++;
                place = WireRecords.PositionOf(said);
                if (from is null || place <= from)
                    yield return WireRecords.ToRecord(said);
            }
            else if (seen < pageMax)
            {
                yield break;
            }
            else
            {
                read.Restart();
                seen = 0;
            }
        }
    }

    /// <summary>The record at a position, if one is; or that the position is none.</summary>
    private async ValueTask<(LogRecord? Record, bool IsBad)> ReadAtAsync(
        LogPosition position, CancellationToken cancellationToken)
    {
        using var read = new ResilientRead(calls, () => ReadRequests.OfAll(position, ReadDirection.Forwards, 1));
        var (said, isBad) = await NextAsync(read, isKnown: false, cancellationToken);
        return said is not null && WireRecords.PositionOf(said) == position
            ? (WireRecords.ToRecord(said), false)
            : (null, isBad);
    }

    /// <summary>The last place at or before a position that the node knows.</summary>
    private async ValueTask<LogPosition> FindBoundaryAsync(LogPosition position, CancellationToken cancellationToken)
    {
        LogPosition? place = null;
        using var read = new ResilientRead(
            calls, () => ReadRequests.OfAll(place, ReadDirection.Backwards, long.MaxValue));
        while (await NextAsync(read, isKnown: true, cancellationToken) is ({ } said, _))
        {
            place = WireRecords.PositionOf(said);
            if (place <= position)
                return place.Value;
        }
        return LogPosition.Start;
    }

    private static async ValueTask<(ReadResp.Types.ReadEvent? Said, bool IsBad)> NextAsync(
        ResilientRead read, bool isKnown, CancellationToken cancellationToken)
    {
        try
        {
            while (await read.NextAsync(cancellationToken) is { } said)
            {
                if (said.ContentCase == ReadResp.ContentOneofCase.Event)
                    return (said.Event, false);
            }
            return (null, false);
        }
        catch (RpcException bad) when (!isKnown && CallErrors.MayMeanBadPosition(bad))
        {
            return (null, true);
        }
        catch (RpcException problem)
        {
            throw CallErrors.Translate(problem);
        }
    }
}
