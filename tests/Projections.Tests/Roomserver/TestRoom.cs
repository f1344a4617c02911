using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;
using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>A log of facts as the write side would have written them, without deciding anything.</summary>
internal sealed class TestLog
{
    private static readonly FactMetadata Metadata = new("test", "test", FactActor.Self, 0);
    private int _ids;

    public List<DecodedRecord> Records { get; } = [];

    /// <summary>Positions are not dense, as in a real log.</summary>
    public long Head => Records.Count == 0 ? 0 : (long)Records[^1].Record.Position.Value;

    public EventId NextEventId() => EventId.Parse("$" + (++_ids).ToString("D43", null));

    public void Add(IFact fact, string stream = "room-test")
    {
        var position = new LogPosition((ulong)(Head + 3));
        var record = new LogRecord(position, StreamName.FromStored(stream), 0, Guid.Empty, "test", 0, default, default);
        Records.Add(new(record, fact, Metadata));
    }
}

/// <summary>One room of a test: keeps its state map and writes its facts.</summary>
internal sealed class TestRoom
{
    public const string Version = "11";

    private readonly TestLog _log;
    private long _depth;

    public TestRoom(TestLog log, string roomId, string creator, string visibility = "shared")
    {
        (_log, RoomId) = (log, roomId);
        Creator = creator;
        Send("m.room.create", "", creator, $$"""{"room_version":"{{Version}}"}""");
        Member(creator, creator, "join");
        Send("m.room.power_levels", "", creator, "{}");
        Send("m.room.join_rules", "", creator, """{"join_rule":"public"}""");
        Send("m.room.history_visibility", "", creator, $$"""{"history_visibility":"{{visibility}}"}""");
    }

    public string RoomId { get; }
    public string Creator { get; }
    public StateMap State { get; private set; } = StateMap.Empty;
    public List<(EventId Id, string Sender)> Messages { get; } = [];
    public Dictionary<string, string> Members { get; } = [];

    public EventId Member(string sender, string user, string membership, string? displayName = null)
    {
        var name = displayName is null ? string.Empty : $",\"displayname\":\"{displayName}\"";
        Members[user] = membership;
        return Send(
            "m.room.member",
            user,
            sender,
            $$"""{"membership":"{{membership}}"{{name}}}""",
            stripped: membership is "invite" or "knock" ? """[{"type":"m.room.create","state_key":"","sender":"@a:t","content":{}}]""" : null);
    }

    public EventId Message(string sender, string body, string? transactionId = null)
    {
        var id = Send(
            "m.room.message",
            null,
            sender,
            $$"""{"body":"{{body}}","msgtype":"m.text"}""",
            transactionId: transactionId);
        Messages.Add((id, sender));
        return id;
    }

    public EventId Redact(string sender, EventId target) =>
        Send("m.room.redaction", null, sender, $$"""{"redacts":"{{target}}"}""", redacts: target);

    /// <summary>A redaction, and after it the message that it redacts.</summary>
    public EventId RedactAhead(string sender, string body)
    {
        var target = _log.NextEventId();
        var redaction = Send("m.room.redaction", null, sender, $$"""{"redacts":"{{target}}"}""");
        return Send(
            "m.room.message",
            null,
            sender,
            $$"""{"body":"{{body}}","msgtype":"m.text","m.relates_to":{"rel_type":"m.thread","event_id":"{{redaction}}"} }""",
            id: target,
            redactedBy: redaction);
    }

    public EventId Send(
        string type,
        string? stateKey,
        string sender,
        string content,
        string? transactionId = null,
        string? stripped = null,
        EventId? redacts = null,
        PduDisposition disposition = PduDisposition.Accepted,
        EventId? id = null,
        EventId? redactedBy = null)
    {
        var eventId = id ?? _log.NextEventId();
        var before = State;
        ImmutableArray<StateEntry> added = [];
        if (stateKey is not null && disposition == PduDisposition.Accepted)
        {
            var entry = new StateEntry(new(type, stateKey), eventId);
            State = State.SetAsync(entry.Tuple, eventId).AsTask().GetAwaiter().GetResult();
            added = [entry];
        }
        _depth++;
        var key = stateKey is null ? string.Empty : $",\"state_key\":{Quote(stateKey)}";
        var json = $$"""
            {"auth_events":[],"content":{{content}},"depth":{{_depth}},"hashes":{"sha256":"x"},
            "origin_server_ts":{{1000 + _depth}},"prev_events":[],"room_id":{{Quote(RoomId)}},
            "sender":{{Quote(sender)}},"signatures":{}{{key}},"type":{{Quote(type)}}}
            """;
        _log.Add(new PduRecorded
        {
            RoomId = Protocol.Identifiers.RoomId.Parse(RoomId),
            RoomVersion = Version,
            EventId = eventId,
            Pdu = new(Encoding.UTF8.GetBytes(json)),
            Disposition = disposition,
            StateAdded = added,
            ForwardExtremities = [eventId],
            StateBefore = before.Root,
            CurrentState = State.Root,
            Depth = _depth,
            RedactsApplied = redacts,
            RedactedBy = redactedBy,
            StrippedState = stripped is null ? null : RawJson.FromText(stripped),
            DeviceId = transactionId is null ? null : "DEVICE",
            TransactionId = transactionId,
            TransactionScope = transactionId is null ? null : "send/m.room.message",
        });
        return eventId;
    }

    private static string Quote(string text) => "\"" + JsonEncodedText.Encode(text) + "\"";
}
