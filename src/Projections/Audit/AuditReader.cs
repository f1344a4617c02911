using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Answers questions about the past from the log alone.</summary>
/// <remarks>
/// Shape: an answer is a sequence of JSON objects, one a line, oldest first.
/// Ensures: what is shown as a room's state at a point is what a server comes to that replays the log up to there.
/// Cost: history reads the log between its points; state and changes read the room's stream up to their point.
/// </remarks>
public sealed class AuditReader(IEventReader log)
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The facts that pass a filter.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> HistoryAsync(
        HistoryFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var left = filter.Limit;
        var from = filter.From.Position is { Value: > 0 } position
            ? new LogPosition(position.Value - 1)
            : LogPosition.Start;
        await foreach (var record in log.ReadAllAsync(
            from, ReadDirection.Forwards, long.MaxValue, cancellationToken: cancellationToken))
        {
            if (filter.From.TimeMs is { } fromMs && record.CreatedMs < fromMs)
                continue;
            // Times may step back by a clock that was set; positions never do.
            if (!filter.To.Includes(record))
            {
                if (filter.To.Position is not null)
                    yield break;
                continue;
            }
            var fact = new AuditedFact(record);
            if (!fact.Passes(filter))
                continue;
            yield return Line(json => fact.Write(json, filter.WithContent));
            if (--left == 0)
                yield break;
        }
    }

    /// <summary>A room's state at a point: a first line about the room, then a line per entry, by type and state
    /// key.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> StateAsync(
        RoomId roomId,
        AuditPoint at,
        bool withContent,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var room = new RoomFold();
        var eventIdToRevision = new Dictionary<EventId, long>();
        await foreach (var record in ReadRoomAsync(roomId, at, cancellationToken))
        {
            if (RoomFold.Decode(record) is not { } fact)
                continue;
            room.Apply(record, fact);
            eventIdToRevision[fact.EventId] = record.Revision;
        }
        if (room.NamedRoot is not { } named)
            yield break;
        var root = room.ComputeRoot();
        yield return Line(json =>
        {
            json.WriteStartObject();
            json.WriteString("room", roomId.Value);
            json.WriteString("room_version", room.RoomVersion);
            json.WriteNumber("position", room.Position.Value);
            json.WriteNumber("entries", room.Entries.Count);
            json.WriteString("state_root", root.ToString());
            json.WriteBoolean("root_holds", root == named);
            json.WriteEndObject();
        });
        var ordered = room.Entries
            .OrderBy(entry => entry.Key.Type, StringComparer.Ordinal)
            .ThenBy(entry => entry.Key.StateKey, StringComparer.Ordinal);
        foreach (var (tuple, held) in ordered)
        {
            var pdu = eventIdToRevision.TryGetValue(held.EventId, out var revision)
                ? await ReadPduAsync(roomId, revision, cancellationToken)
                : null;
            yield return Line(json => WriteEntry(json, tuple, held, pdu, withContent));
        }
    }

    /// <summary>What changed in a room's state after one point and up to another.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ChangesAsync(
        RoomId roomId,
        AuditPoint from,
        AuditPoint to,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var room = new RoomFold();
        await foreach (var record in ReadRoomAsync(roomId, to, cancellationToken))
        {
            if (RoomFold.Decode(record) is not { } fact)
                continue;
            var changes = room.Apply(record, fact);
            if (from.Includes(record))
                continue;
            foreach (var change in changes)
                yield return Line(json => WriteChange(json, change));
        }
    }

    private async IAsyncEnumerable<LogRecord> ReadRoomAsync(
        RoomId roomId, AuditPoint to, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = new StreamName(StreamCategories.Room, roomId.Value);
        var records = log.ReadStreamAsync(stream, null, ReadDirection.Forwards, long.MaxValue, cancellationToken);
        await foreach (var record in records)
        {
            if (!to.Includes(record))
                yield break;
            yield return record;
        }
    }

    private async ValueTask<RawJson?> ReadPduAsync(RoomId roomId, long revision, CancellationToken cancellationToken)
    {
        var stream = new StreamName(StreamCategories.Room, roomId.Value);
        await foreach (var record in log.ReadStreamAsync(
            stream, revision, ReadDirection.Forwards, 1, cancellationToken))
        {
            return RoomFold.Decode(record)?.Pdu;
        }
        return null;
    }

    private static void WriteEntry(
        Utf8JsonWriter json, StateTuple tuple, HeldEntry held, RawJson? pdu, bool withContent)
    {
        json.WriteStartObject();
        json.WriteString("type", tuple.Type);
        json.WriteString("state_key", tuple.StateKey);
        json.WriteString("event_id", held.EventId.Value);
        json.WriteNumber("since", held.Since.Value);
        if (pdu is { } raw)
        {
            var read = JsonElement.Parse(raw.Utf8.Span, new JsonDocumentOptions { MaxDepth = 256 });
            if (read.TryGetProperty("sender"u8, out var sender))
                json.WriteString("sender", sender.GetString());
            if (read.TryGetProperty("content"u8, out var content))
            {
                if (tuple.Type == "m.room.member" && content.TryGetProperty("membership"u8, out var membership)
                    && membership.ValueKind == JsonValueKind.String)
                {
                    json.WriteString("membership", membership.GetString());
                }
                if (withContent)
                {
                    json.WritePropertyName("content");
                    content.WriteTo(json);
                }
            }
        }
        json.WriteEndObject();
    }

    private static void WriteChange(Utf8JsonWriter json, StateChange change)
    {
        json.WriteStartObject();
        json.WriteNumber("position", change.Record.Position.Value);
        json.WriteString("time", DateTimeOffset.FromUnixTimeMilliseconds(change.Record.CreatedMs).ToString("O"));
        json.WriteString("type", change.Tuple.Type);
        json.WriteString("state_key", change.Tuple.StateKey);
        WriteId(json, "before", change.Before);
        WriteId(json, "after", change.After);
        json.WriteString("actor", new AuditedFact(change.Record).Actor);
        json.WriteString("caused_by", change.Fact.EventId.Value);
        json.WriteEndObject();
    }

    private static void WriteId(Utf8JsonWriter json, string name, EventId? eventId)
    {
        if (eventId is { } id)
            json.WriteString(name, id.Value);
        else
            json.WriteNull(name);
    }

    internal static ReadOnlyMemory<byte> Line(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
            write(json);
        return buffer.WrittenMemory;
    }
}
