using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>A transaction as it is sent.</summary>
/// <remarks>Shape: Content is canonical JSON; null where all that it was to hold is gone from the log.</remarks>
public sealed record OutgoingTransaction(string Id, byte[]? Content, long UpTo, int Pdus, int Edus);

/// <summary>Makes transactions of what waits in a queue.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #transactions.
/// Ensures: the same rows make the same id and the same bytes, at any time: the id is made from the first and last
/// position and the count, the time is that of the last fact.
/// What the log does not hold any more (bounded streams, purged rooms) is left out.
/// </remarks>
public sealed class TransactionBuilder(IEventReader log, IOutgoingEdus edus, ServerIdentity identity)
{
    // Many servers get the same PDU at about the same time.
    private readonly LruCache<long, ReadOnlyMemory<byte>[]> _positionToParts = new(FedSenderLimits.PdusKeptMax);

    /// <summary>The rows of the next transaction: as many of the first as fit.</summary>
    public static List<QueuedFact> Take(List<QueuedFact> rows)
    {
        int pdus = 0, taken = 0;
        while (taken < rows.Count)
        {
            pdus += rows[taken].IsPdu ? 1 : 0;
            if (pdus > Limits.TransactionPdusMax || taken + 1 - pdus > Limits.TransactionEdusMax)
                break;
            taken++;
        }
        return rows.GetRange(0, taken);
    }

    /// <remarks>Requires: at least one row. May take fewer rows than given, where one fact makes several
    /// EDUs.</remarks>
    public async ValueTask<OutgoingTransaction> BuildAsync(
        IReadOnlyList<QueuedFact> rows, CancellationToken cancellationToken)
    {
        var pdus = new List<ReadOnlyMemory<byte>>();
        var ephemeral = new List<ReadOnlyMemory<byte>>();
        var taken = 0;
        foreach (var row in rows)
        {
            var parts = await PartsAsync(row, cancellationToken);
            if (!row.IsPdu && ephemeral.Count > 0 && ephemeral.Count + parts.Length > Limits.TransactionEdusMax)
                break;
            (row.IsPdu ? pdus : ephemeral).AddRange(parts);
            taken++;
        }
        var (first, last) = (rows[0], rows[taken - 1]);
        var id = string.Create(
            CultureInfo.InvariantCulture, $"{first.Position}-{last.Position}-{pdus.Count + ephemeral.Count}");
        var content = pdus.Count + ephemeral.Count == 0 ? null : Write(pdus, ephemeral, last.RecordedMs);
        return new OutgoingTransaction(id, content, last.Position, pdus.Count, ephemeral.Count);
    }

    private async ValueTask<ReadOnlyMemory<byte>[]> PartsAsync(QueuedFact row, CancellationToken cancellationToken)
    {
        if (_positionToParts.Find(row.Position) is { } kept)
            return kept;
        ReadOnlyMemory<byte>[] parts = [];
        await foreach (var record in log.ReadStreamAsync(
            row.Stream, row.Revision, ReadDirection.Forwards, 1, cancellationToken))
        {
            if (record.Revision == row.Revision)
            {
                parts = FactCodec.Decode(record.Type, record.Data) switch
                {
                    PduRecorded pdu => [pdu.Pdu.Utf8],
                    var fact => [.. edus.From(fact)],
                };
            }
        }
        _positionToParts.Set(row.Position, parts);
        return parts;
    }

    private byte[] Write(List<ReadOnlyMemory<byte>> pdus, List<ReadOnlyMemory<byte>> ephemeral, long originServerTs)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            // In the order of canonical JSON; what goes in is canonical already.
            json.WriteStartObject();
            WriteAll(json, "edus"u8, ephemeral);
            json.WriteString("origin"u8, identity.Name.Value);
            json.WriteNumber("origin_server_ts"u8, originServerTs);
            WriteAll(json, "pdus"u8, pdus);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteAll(Utf8JsonWriter json, ReadOnlySpan<byte> name, List<ReadOnlyMemory<byte>> parts)
    {
        json.WriteStartArray(name);
        foreach (var part in parts)
            json.WriteRawValue(part.Span, skipInputValidation: true);
        json.WriteEndArray();
    }
}
