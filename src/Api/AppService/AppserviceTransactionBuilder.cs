using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.ToDevice;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>A transaction as it is sent.</summary>
/// <remarks>Shape: Content is null where all that it was to hold is gone from the log. From and UpTo are the positions
/// of the first and the last fact. Messages and News are what it says of devices.</remarks>
internal sealed record AppserviceTransaction(
    string Id,
    byte[]? Content,
    long From,
    long UpTo,
    int Events,
    int Ephemeral,
    ILookup<long, AddressedMessage> Messages,
    AppserviceDeviceNews News);

/// <summary>Makes transactions of what waits in a queue.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #pushing-events, #pushing-ephemeral-data; MSC4203 and MSC3202 under their
/// unstable names.
/// Ensures: the same id means the same bytes: it is made from the first and last position and the content's hash, and
/// every age is counted to the time at which its fact was recorded.
/// What the log does not hold any more (bounded streams, purged rooms) is left out; redacted events are sent as what is
/// left of them. A transaction that for that holds something else than its last attempt has another id. What it says of
/// devices is taken over from the last attempt: the tables that say it go on.
/// </remarks>
internal sealed class AppserviceTransactionBuilder(
    IEventReader log, RoomReader rooms, ToDeviceReader toDevice, AppserviceQueries queries, IProjectionGate gate)
{
    private static readonly JsonWriterOptions Relaxed = new()
    {
        SkipValidation = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly ReadOnlyMemory<string> Roomserver = new[] { RoomserverProjection.ProjectionName };

    /// <param name="service">Who gets it.</param>
    /// <param name="rows">What waits. Requires: at least one. It may take fewer; at least one.</param>
    /// <param name="attempt">The attempt that failed before, in this process; null for none.</param>
    /// <param name="cancellationToken">The server stops.</param>
    public async ValueTask<AppserviceTransaction> BuildAsync(
        AppserviceRegistration service,
        IReadOnlyList<WaitingFact> rows,
        AppserviceTransaction? attempt,
        CancellationToken cancellationToken)
    {
        if (attempt is not null && (attempt.From != rows[0].Position || attempt.UpTo != rows[^1].Position))
            attempt = null;
        var facts = new List<(WaitingFact Row, IFact? Fact)>();
        foreach (var row in rows)
            facts.Add((row, await ReadAsync(row, cancellationToken)));
        var stored = await FindStoredAsync(facts, cancellationToken);
        var messages = attempt?.Messages ?? await FindMessagesAsync(facts, cancellationToken);

        var sections = new Sections();
        var news = new AppserviceDeviceNews(service, queries);
        var last = rows[0];
        var (bytes, others) = (0, 0);
        foreach (var (row, fact) in facts)
        {
            var ofRow = messages[row.Position].ToList();
            var part = fact switch
            {
                PduRecorded pdu => WriteEvent(row, pdu, stored.GetValueOrDefault(pdu.EventId.Value)),
                null => null,
                var other => WriteEphemeral(other),
            };
            var size = (part?.Length ?? 0) + ofRow.Sum(message => message.Message.ContentUtf8.Length);
            var isFull = bytes > 0 && bytes + size > Limits.AppserviceTransactionBytesMax;
            if (isFull || (row.IsPdu
                ? sections.Events.Count >= Limits.AppserviceEventsMax
                : others >= Limits.AppserviceEphemeralMax))
                break;
            if (part is not null)
                (row.IsPdu ? sections.Events : sections.Ephemeral).Add(part);
            sections.ToDevice.AddRange(ofRow);
            if (fact is not null && attempt is null)
                news.Add(fact, fact is PduRecorded one ? stored.GetValueOrDefault(one.EventId.Value) : null);
            bytes += size;
            others += row.IsPdu ? 0 : 1;
            last = row;
        }
        if (attempt is null)
            await news.FinishAsync(cancellationToken);
        else
            news = attempt.News;
        var content = sections.IsEmpty && news.IsEmpty ? null : Write(service, sections, news);
        var id = string.Create(
            CultureInfo.InvariantCulture, $"{rows[0].Position}-{last.Position}-{HashOf(content)}");
        return new AppserviceTransaction(
            id,
            content,
            rows[0].Position,
            last.Position,
            sections.Events.Count,
            sections.Ephemeral.Count,
            messages,
            news);
    }

    /// <summary>The messages to devices, by the positions of their facts: one for each device that there was then.
    /// </summary>
    private async ValueTask<ILookup<long, AddressedMessage>> FindMessagesAsync(
        List<(WaitingFact Row, IFact? Fact)> facts, CancellationToken cancellationToken)
    {
        var users = new HashSet<string>(StringComparer.Ordinal);
        var positions = new List<long>();
        foreach (var (row, fact) in facts)
        {
            if (fact is not ToDeviceSent sent)
                continue;
            users.Add(sent.Recipient.Value);
            positions.Add(row.Position);
        }
        List<AddressedMessage> found = [];
        if (positions.Count > 0)
        {
            await gate.RequireHeadAsync(ToDeviceProjection.Gate, cancellationToken);
            found = await toDevice.ReadAtAsync(users, positions, cancellationToken);
        }
        return found.ToLookup(message => message.Message.Position);
    }

    private async ValueTask<IFact?> ReadAsync(WaitingFact row, CancellationToken cancellationToken)
    {
        await foreach (var record in log.ReadStreamAsync(
            row.Stream, row.Revision, ReadDirection.Forwards, 1, cancellationToken))
        {
            if (record.Revision == row.Revision)
                return FactCodec.Decode(record.Type, record.Data);
        }
        return null;
    }

    /// <summary>The events as clients see them now: with what they replaced, and without what was redacted.</summary>
    private async ValueTask<Dictionary<string, StoredEvent>> FindStoredAsync(
        List<(WaitingFact Row, IFact? Fact)> facts, CancellationToken cancellationToken)
    {
        var ids = facts.Select(one => one.Fact).OfType<PduRecorded>().Select(pdu => pdu.EventId.Value).ToList();
        if (ids.Count == 0)
            return [];
        await gate.RequireHeadAsync(Roomserver, cancellationToken);
        var batch = rooms.Begin();
        var found = batch.AcceptedEvents(ids);
        await batch.ExecuteAsync(cancellationToken);
        return found.ToDictionary(stored => stored.EventId, StringComparer.Ordinal);
    }

    private static byte[] WriteEvent(WaitingFact row, PduRecorded fact, StoredEvent? stored) => Json(json =>
    {
        if (stored is not null && fact.StrippedState is null)
        {
            var audience = new EventAudience(string.Empty, string.Empty, AgeAt(row, stored.OriginServerTs));
            EventWriter.Write(json, stored, audience, history: null, withRoomId: true);
            return;
        }
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Stored room version {fact.RoomVersion} is unknown.");
        var pdu = stored?.Pdu ?? PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        ClientEventWriter.Write(json, pdu, ClientEventFormat.WithRoomId, unsigned =>
        {
            unsigned.WriteNumber("age"u8, AgeAt(row, pdu.OriginServerTs) - pdu.OriginServerTs);
            WriteReplaced(unsigned, stored);
            if (fact.StrippedState is { } shown)
            {
                unsigned.WritePropertyName(pdu.Membership == "knock" ? "knock_room_state"u8 : "invite_room_state"u8);
                unsigned.WriteRawValue(shown.Utf8.Span, skipInputValidation: true);
            }
        });
    });

    private static void WriteReplaced(Utf8JsonWriter unsigned, StoredEvent? stored)
    {
        if (stored?.Replaces is not { } replaces)
            return;
        unsigned.WriteString("replaces_state"u8, replaces);
        if (stored.Replaced?.Parse() is not { } before)
            return;
        unsigned.WritePropertyName("prev_content"u8);
        unsigned.WriteRawValue(before.ContentUtf8.Span, skipInputValidation: true);
        unsigned.WriteString("prev_sender"u8, before.Sender.Value);
    }

    /// <summary>When the fact was recorded; an event from the future has no negative age.</summary>
    private static long AgeAt(WaitingFact row, long originServerTs) => Math.Max(row.RecordedMs, originServerTs);

    private static byte[]? WriteEphemeral(IFact fact) => fact switch
    {
        TypingChanged typing => Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "m.typing"u8);
            json.WriteString("room_id"u8, typing.RoomId.Value);
            json.WriteStartObject("content"u8);
            json.WriteStartArray("user_ids"u8);
            foreach (var typist in typing.Typists)
                json.WriteStringValue(typist.UserId.Value);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }),
        ReceiptRecorded receipt => Json(json => Write(json, receipt)),
        PresenceChanged presence => Json(json => Write(json, presence)),
        _ => null,
    };

    private static void Write(Utf8JsonWriter json, ReceiptRecorded receipt)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "m.receipt"u8);
        json.WriteString("room_id"u8, receipt.RoomId.Value);
        json.WriteStartObject("content"u8);
        json.WriteStartObject(receipt.EventId.Value);
        json.WriteStartObject(receipt.Type);
        json.WriteStartObject(receipt.UserId.Value);
        json.WriteNumber("ts"u8, receipt.Ts);
        if (receipt.ThreadId is { } thread)
            json.WriteString("thread_id"u8, thread);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, PresenceChanged presence)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "m.presence"u8);
        json.WriteString("sender"u8, presence.UserId.Value);
        json.WriteStartObject("content"u8);
        json.WriteString("presence"u8, PresenceWords.Of(presence.Presence));
        // As of the fact: the same fact makes the same bytes whenever it is sent.
        json.WriteNumber("last_active_ago"u8, Math.Max(presence.ChangedAtMs - presence.LastActiveMs, 0));
        json.WriteBoolean("currently_active"u8, presence.IsCurrentlyActive);
        if (presence.StatusMsg is { } statusMsg)
            json.WriteString("status_msg"u8, statusMsg);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static byte[] Write(AppserviceRegistration service, Sections sections, AppserviceDeviceNews news) =>
        Json(json =>
        {
            json.WriteStartObject();
            WriteAll(json, "events"u8, sections.Events);
            if (sections.Ephemeral.Count > 0)
            {
                WriteAll(
                    json,
                    service.HasOldEphemeralName ? "de.sorunome.msc2409.ephemeral"u8 : "ephemeral"u8,
                    sections.Ephemeral);
            }
            if (sections.ToDevice.Count > 0)
            {
                json.WriteStartArray("de.sorunome.msc2409.to_device"u8);
                foreach (var message in sections.ToDevice)
                    Write(json, message);
                json.WriteEndArray();
            }
            news.Write(json);
            json.WriteEndObject();
        });

    private static void Write(Utf8JsonWriter json, AddressedMessage message)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, message.Message.Type);
        json.WriteString("sender"u8, message.Message.Sender);
        json.WriteString("to_user_id"u8, message.UserId);
        json.WriteString("to_device_id"u8, message.DeviceId);
        json.WritePropertyName("content"u8);
        json.WriteRawValue(message.Message.ContentUtf8.Span, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static void WriteAll(Utf8JsonWriter json, ReadOnlySpan<byte> name, List<ReadOnlyMemory<byte>> parts)
    {
        json.WriteStartArray(name);
        foreach (var part in parts)
            json.WriteRawValue(part.Span, skipInputValidation: true);
        json.WriteEndArray();
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
            write(json);
        return buffer.WrittenSpan.ToArray();
    }

    private static string HashOf(byte[]? content) =>
        content is null ? "" : Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8));

    /// <summary>What goes into the parts of a transaction, in order.</summary>
    private sealed class Sections
    {
        public List<ReadOnlyMemory<byte>> Events { get; } = [];

        public List<ReadOnlyMemory<byte>> Ephemeral { get; } = [];

        public List<AddressedMessage> ToDevice { get; } = [];

        public bool IsEmpty => Events.Count + Ephemeral.Count + ToDevice.Count == 0;
    }
}
