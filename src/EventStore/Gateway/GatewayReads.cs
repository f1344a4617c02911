using System.Globalization;
using System.Text;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>One read that ends: of a stream or of the whole log.</summary>
// HOT
internal sealed class GatewayReads(
    IEventReader log, ReadRequest request, ResponseWriter<ReadResp> responses, CancellationToken cancellationToken)
{
    private readonly WireRecords _records = new(request.IdsAsText);

    public async Task ReadStreamAsync(StreamName stream)
    {
        var state = await log.ReadStreamStateAsync(stream, cancellationToken);
        if (state.IsTombstoned)
            throw GatewayRefusal.StreamDeleted(stream);
        if (state.LastRevision is not { } last)
        {
            await responses.WriteAsync(new ReadResp
            {
                StreamNotFound = new ReadResp.Types.StreamNotFound { StreamIdentifier = WireNames.Write(stream) },
            });
            return;
        }
        var sent = 0L;
        var isForwards = request.Direction == ReadDirection.Forwards;
        if (!isForwards || request.From != ReadFrom.End)
        {
            var from = request.From switch
            {
                ReadFrom.Given => request.Given,
                ReadFrom.Start => 0,
                _ => (long?)null,
            };
            var records = log.ReadStreamAsync(
                stream, from, request.Direction, request.Count!.Value, cancellationToken);
            await foreach (var record in records)
            {
                await SendAsync(record);
                last = Math.Max(last, record.Revision);
                sent++;
            }
        }
        if (request.KnowsPositions && isForwards && sent < request.Count)
            await responses.WriteAsync(new ReadResp { LastStreamPosition = (ulong)last });
    }

    /// <summary>Forwards the given position is read too, backwards it is not: as the protocol has it.</summary>
    public async Task ReadAllAsync()
    {
        var isForwards = request.Direction == ReadDirection.Forwards;
        if (request.From == (isForwards ? ReadFrom.End : ReadFrom.Start))
            return;
        if (!isForwards && request is { From: ReadFrom.Given, Given: 0 })
            return;
        LogPosition? from = request.From == ReadFrom.Given
            ? new LogPosition((ulong)Math.Max(request.Given, 1) - 1)
            : null;
        var records = log.ReadAllAsync(
            from, request.Direction, request.Count!.Value, request.Filter, cancellationToken);
        await foreach (var record in records)
            await SendAsync(record);
    }

    public ValueTask SendAsync(LogRecord record) => request.ResolvesLinks && record.Type == WireRecords.LinkType
        ? SendResolvedAsync(record)
        : responses.WriteAsync(_records.Event(record));

    private async ValueTask SendResolvedAsync(LogRecord link)
    {
        LogRecord? target = null;
        if (TryParseLink(link.Data.Span, out var stream, out var revision))
        {
            var found = log.ReadStreamAsync(stream, revision, ReadDirection.Forwards, 1, cancellationToken);
            await foreach (var record in found)
                target = record.Revision == revision ? record : null;
        }
        await responses.WriteAsync(_records.Resolved(link, target));
    }

    /// <summary><c>revision@stream</c>.</summary>
    private static bool TryParseLink(ReadOnlySpan<byte> data, out StreamName stream, out long revision)
    {
        stream = default;
        revision = 0;
        var at = data.IndexOf((byte)'@');
        if (at <= 0 || at == data.Length - 1
            || !long.TryParse(data[..at], NumberStyles.None, CultureInfo.InvariantCulture, out revision))
            return false;
        var name = Encoding.UTF8.GetString(data[(at + 1)..]);
        stream = StreamName.FromStored(name);
        return WireNames.IsName(name);
    }
}
