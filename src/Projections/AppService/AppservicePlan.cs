using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>What a batch touches, so that all of it can be read at once before the batch is gone through.</summary>
internal sealed class AppservicePlan
{
    public const string MemberType = "m.room.member";

    public HashSet<string> Rooms { get; } = new(StringComparer.Ordinal);

    /// <summary>Users whose rooms matter: who shares one hears of their presence.</summary>
    public HashSet<string> Sharers { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Room, string User)> Members { get; } = [];

    /// <summary>Member PDUs of earlier batches that came into the state.</summary>
    public HashSet<string> OlderMembers { get; } = new(StringComparer.Ordinal);

    /// <summary>The batch's own member PDUs that say join.</summary>
    public HashSet<string> Joins { get; } = new(StringComparer.Ordinal);

    /// <summary>The batch's own member PDUs, and whom they are about.</summary>
    public Dictionary<string, string> EventIdToTarget { get; } = new(StringComparer.Ordinal);

    public static AppservicePlan Of(IReadOnlyList<DecodedRecord> facts)
    {
        var plan = new AppservicePlan();
        foreach (var record in facts)
        {
            switch (record.Fact)
            {
                case PduRecorded pdu:
                    plan.Add(pdu);
                    break;
                case AliasCreated alias:
                    plan.Rooms.Add(alias.RoomId.Value);
                    break;
                case AliasDeleted alias:
                    plan.Rooms.Add(alias.RoomId.Value);
                    break;
                default:
                    if (AppserviceAudience.Of(record.Fact) is { } audience)
                        plan.Add(audience);
                    break;
            }
        }
        foreach (var record in facts)
        {
            if (record.Fact is PduRecorded pdu)
                plan.OlderMembers.Remove(pdu.EventId.Value);
        }
        return plan;
    }

    private void Add(AppserviceAudience audience)
    {
        if (audience.Room is { } room)
            Rooms.Add(room);
        if (audience.SharersOf is { } user)
            Sharers.Add(user.Value);
    }

    private void Add(PduRecorded fact)
    {
        var room = fact.RoomId.Value;
        if (fact.Disposition == PduDisposition.Accepted)
            Rooms.Add(room);
        ReadMember(fact);
        foreach (var entry in fact.StateAdded)
        {
            if (entry.Tuple.Type != MemberType)
                continue;
            Rooms.Add(room);
            Members.Add((room, entry.Tuple.StateKey));
            OlderMembers.Add(entry.EventId.Value);
        }
        foreach (var tuple in fact.StateRemoved)
        {
            if (tuple.Type != MemberType)
                continue;
            Rooms.Add(room);
            Members.Add((room, tuple.StateKey));
        }
    }

    /// <summary>Most PDUs are messages: they are not parsed.</summary>
    private void ReadMember(PduRecorded fact)
    {
        if (fact.Pdu.Utf8.Span.IndexOf("m.room.member"u8) < 0)
            return;
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Stored room version {fact.RoomVersion} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        if (pdu.Type != MemberType || pdu.StateKey is not { } target)
            return;
        EventIdToTarget[fact.EventId.Value] = target;
        if (pdu.Membership == "join")
            Joins.Add(fact.EventId.Value);
    }
}
