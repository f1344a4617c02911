using System.Text.Json;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>A fact of a batch, parsed once.</summary>
internal sealed record PlannedPdu(long Position, long Ts, PduRecorded Fact, Pdu Pdu)
{
    public Relation? Relation { get; init; }

    /// <summary>Users of ours whom the PDU names: those mentioned, and the one whose state it is.</summary>
    public HashSet<string> Named { get; } = new(StringComparer.Ordinal);

    public string RoomId => Fact.RoomId.Value;
}

/// <summary>What a batch of facts needs to know of the tables.</summary>
internal sealed class PushPlan
{
    private readonly ServerName _us;

    private PushPlan(ServerName us) => _us = us;

    /// <summary>PDUs and changes of push rules, in the order of the log.</summary>
    public List<object> Steps { get; } = [];

    public HashSet<string> Rooms { get; } = new(StringComparer.Ordinal);

    /// <summary>Rooms with a PDU that may notify.</summary>
    public HashSet<string> NotifyingRooms { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Room, string User)> Members { get; } = [];

    /// <summary>Member PDUs and power levels of earlier batches that the state came back to.</summary>
    public HashSet<string> OlderState { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Parents { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Redacted { get; } = new(StringComparer.Ordinal);

    /// <summary>Users who change their rules.</summary>
    public HashSet<string> RuleSetters { get; } = new(StringComparer.Ordinal);

    /// <summary>Users of ours whose own rules may be asked.</summary>
    public HashSet<string> RuleUsers { get; } = new(StringComparer.Ordinal);

    public static PushPlan Of(IReadOnlyList<DecodedRecord> facts, ServerName us)
    {
        var plan = new PushPlan(us);
        foreach (var (record, fact, _) in facts)
        {
            switch (fact)
            {
                case PduRecorded recorded:
                    plan.Add((long)record.Position.Value, record.CreatedMs, recorded);
                    break;
                case AccountDataSet { RoomId: null, Type: PushProjection.RulesType } set:
                    plan.Steps.Add(set);
                    plan.RuleUsers.Add(set.UserId.Value);
                    plan.RuleSetters.Add(set.UserId.Value);
                    break;
            }
        }
        return plan;
    }

    public bool IsOurs(string userId) => UserId.TryParse(userId, out var user) && user.IsOn(_us);

    private void Add(long position, long ts, PduRecorded fact)
    {
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Room version {fact.RoomVersion} at {position} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        var isAccepted = fact.Disposition == PduDisposition.Accepted;
        var planned = new PlannedPdu(position, ts, fact, pdu)
        {
            Relation = isAccepted ? RelationOf(fact, pdu) : null,
        };
        Steps.Add(planned);
        Rooms.Add(planned.RoomId);
        AddState(planned);
        foreach (var (redacted, _) in fact.Redactions)
            Redacted.Add(redacted.Value);
        if (planned.Relation is { } relation && relation.Type != Relation.Thread)
            Parents.Add(relation.EventId);
        if (!isAccepted)
            return;
        NotifyingRooms.Add(planned.RoomId);
        if (pdu.Sender.IsOn(_us))
            Members.Add((planned.RoomId, pdu.Sender.Value));
        AddNamed(planned);
    }

    /// <summary>Erased content leaves behind what it related to, so that a replay counts in the same threads.</summary>
    private static Relation? RelationOf(PduRecorded fact, Pdu pdu) => fact.Erased switch
    {
        { Thread: { } root } => new(root.Value, Relation.Thread, null),
        { Parent: { } parent } => new(parent.Value, Relation.Reference, null),
        not null => null,
        null => fact.Pdu.Utf8.Span.IndexOf("m.relates_to"u8) >= 0 ? Relation.Find(pdu.Content) : null,
    };

    private void AddState(PlannedPdu planned)
    {
        foreach (var tuple in planned.Fact.StateRemoved)
        {
            if (tuple.Type == EventTypes.Member)
                AddMember(planned.RoomId, tuple.StateKey);
        }
        foreach (var entry in planned.Fact.StateAdded)
        {
            if (entry.Tuple.Type == EventTypes.Member)
                AddMember(planned.RoomId, entry.Tuple.StateKey);
            else if (entry.Tuple.Type is not (EventTypes.PowerLevels or EventTypes.Create))
                continue;
            if (entry.EventId != planned.Fact.EventId)
                OlderState.Add(entry.EventId.Value);
        }
        if (planned is { Fact.StrippedState: not null, Pdu: { Type: EventTypes.Member, StateKey: { } user } })
        {
            AddMember(planned.RoomId, user);
            if (IsOurs(user))
                planned.Named.Add(user);
        }
    }

    private void AddMember(string room, string user)
    {
        Members.Add((room, user));
        if (IsOurs(user))
            RuleUsers.Add(user);
    }

    private void AddNamed(PlannedPdu planned)
    {
        if (planned.Pdu.StateKey is { Length: > 0 } key && IsOurs(key))
            planned.Named.Add(key);
        if (planned.Fact.Pdu.Utf8.Span.IndexOf("m.mentions"u8) >= 0
            && planned.Pdu.Content is { ValueKind: JsonValueKind.Object } content
            && content.TryGetProperty("m.mentions"u8, out var mentions) && mentions.ValueKind == JsonValueKind.Object
            && mentions.TryGetProperty("user_ids"u8, out var users) && users.ValueKind == JsonValueKind.Array)
        {
            foreach (var user in users.EnumerateArray())
            {
                if (user.ValueKind == JsonValueKind.String && user.GetString() is { } userId && IsOurs(userId))
                    planned.Named.Add(userId);
            }
        }
        foreach (var user in planned.Named)
        {
            Members.Add((planned.RoomId, user));
            RuleUsers.Add(user);
        }
    }
}
