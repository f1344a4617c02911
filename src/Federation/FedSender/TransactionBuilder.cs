using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>A transaction as it is sent.</summary>
/// <remarks>Shape: Content is canonical JSON; null where all that it was to hold is gone from the log.</remarks>
public sealed record OutgoingTransaction(string Id, byte[]? Content, long UpTo, int Pdus, int Edus);

/// <summary>Makes transactions of what waits in a queue.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #transactions.
/// Ensures: the same id means the same bytes: it is made from the first and last position and the content's hash, the
/// time is that of the last fact.
/// What the log does not hold any more (bounded streams, purged rooms, erased content) is left out, and EDUs of a room
/// whose access control keeps the server out: an attempt that holds something else than the one before has another id.
/// </remarks>
public sealed class TransactionBuilder(
    IEventReader log, IOutgoingEdus edus, RoomAccess access, ServerIdentity identity)
{
    // Many servers get the same PDU at about the same time.
    private readonly LruCache<long, Parts> _positionToParts = new(FedSenderLimits.PdusKeptMax);

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
        ServerName destination, IReadOnlyList<QueuedFact> rows, CancellationToken cancellationToken)
    {
        var pdus = new List<ReadOnlyMemory<byte>>();
        var ephemeral = new List<ReadOnlyMemory<byte>>();
        var taken = 0;
        foreach (var row in rows)
        {
            var (parts, room) = await PartsAsync(row, cancellationToken);
            if (room is { } roomId && !await access.MayHearAsync(roomId, destination))
                parts = [];
            if (!row.IsPdu && ephemeral.Count > 0 && ephemeral.Count + parts.Length > Limits.TransactionEdusMax)
                break;
            (row.IsPdu ? pdus : ephemeral).AddRange(parts);
            taken++;
        }
        var (first, last) = (rows[0], rows[taken - 1]);
        var content = pdus.Count + ephemeral.Count == 0 ? null : Write(pdus, ephemeral, last.RecordedMs);
        var id = string.Create(CultureInfo.InvariantCulture, $"{first.Position}-{last.Position}-{HashOf(content)}");
        return new OutgoingTransaction(id, content, last.Position, pdus.Count, ephemeral.Count);
    }

    private static string HashOf(byte[]? content) =>
        content is null ? "" : Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8));

    private async ValueTask<Parts> PartsAsync(QueuedFact row, CancellationToken cancellationToken)
    {
        if (_positionToParts.Find(row.Position) is { } kept)
            return kept;
        var parts = new Parts([], null);
        await foreach (var record in log.ReadStreamAsync(
            row.Stream, row.Revision, ReadDirection.Forwards, 1, cancellationToken))
        {
            if (record.Revision == row.Revision)
            {
                parts = FactCodec.Decode(record.Type, record.Data) switch
                {
                    PduRecorded pdu => new Parts([pdu.Pdu.Utf8], null),
                    var fact => new Parts([.. edus.From(fact)], RoomOf(fact)),
                };
            }
        }
        _positionToParts.Set(row.Position, parts);
        return parts;
    }

    /// <summary>The room that an EDU tells of. A PDU has none here: who is in the room holds its graph, whatever the
    /// access control says.</summary>
    private static RoomId? RoomOf(IFact fact) => fact switch
    {
        TypingChanged typing => typing.RoomId,
        ReceiptRecorded receipt => receipt.RoomId,
        _ => null,
    };

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

    private sealed record Parts(ReadOnlyMemory<byte>[] Bytes, RoomId? Room);
}
