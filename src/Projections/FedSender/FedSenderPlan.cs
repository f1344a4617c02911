using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>What a batch touches, so that all of it can be read at once before the batch is gone through.</summary>
internal sealed class FedSenderPlan
{
    public const string MemberType = "m.room.member";

    public HashSet<string> Rooms { get; } = new(StringComparer.Ordinal);

    /// <summary>Users whose rooms matter: their EDUs go to whoever shares one.</summary>
    public HashSet<string> Sharers { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Room, string User)> Members { get; } = [];

    /// <summary>Member PDUs of earlier batches that came into the state.</summary>
    public HashSet<string> OlderMembers { get; } = new(StringComparer.Ordinal);

    /// <summary>The batch's own member PDUs that say join.</summary>
    public HashSet<string> Joins { get; } = new(StringComparer.Ordinal);

    /// <summary>The batch's own member PDUs that invite users of other servers, or by which they knock.</summary>
    public HashSet<string> Pending { get; } = new(StringComparer.Ordinal);

    /// <summary>What we send that may end an invite or a knock of another server's user.</summary>
    public Dictionary<string, Ending> Endings { get; } = new(StringComparer.Ordinal);

    /// <summary>PDUs of earlier batches that those may end.</summary>
    public IEnumerable<string> MaybePending => Endings.Values.SelectMany(ending => ending.AuthEvents).Except(Pending);

    public static FedSenderPlan Of(IReadOnlyList<DecodedRecord> facts, string us)
    {
        var plan = new FedSenderPlan();
        var own = new HashSet<string>(StringComparer.Ordinal);
        foreach (var record in facts)
        {
            if (record.Fact is PduRecorded pdu)
                plan.Add(pdu, own, us);
            else if (EduAudience.Of(record.Fact, us) is { } audience)
                plan.Add(audience);
        }
        plan.OlderMembers.ExceptWith(own);
        return plan;
    }

    private void Add(EduAudience audience)
    {
        if (audience.Room is { } room)
            Rooms.Add(room);
        if (audience.SharersOf is { } user)
            Sharers.Add(user);
    }

    private void Add(PduRecorded fact, HashSet<string> own, string us)
    {
        var room = fact.RoomId.Value;
        if (fact.SendOn is not null)
            Rooms.Add(room);
        own.Add(fact.EventId.Value);
        if (FindMember(fact) is { } member)
            Add(fact, member, us);
        foreach (var entry in fact.StateAdded)
        {
            if (entry.Tuple.Type != MemberType)
                continue;
            Rooms.Add(room);
            Members.Add((room, entry.Tuple.StateKey));
            if (entry.EventId != fact.EventId)
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

    private void Add(PduRecorded fact, Pdu member, string us)
    {
        var isOthers = UserId.TryParse(member.StateKey, out var target) && target.Server.Value != us;
        switch (member.Membership)
        {
            case "join":
                Joins.Add(fact.EventId.Value);
                break;
            case "invite" or "knock" when isOthers:
                Pending.Add(fact.EventId.Value);
                break;
            case "leave" or "ban" when isOthers && fact.SendOn?.Value == us && member.Sender != target:
                var authEvents = member.AuthEvents.Select(authEvent => authEvent.Value).ToList();
                Endings[fact.EventId.Value] = new Ending(target.Server.Value, authEvents);
                break;
        }
    }

    /// <summary>Most PDUs are messages: they are not parsed.</summary>
    private static Pdu? FindMember(PduRecorded fact)
    {
        if (fact.Pdu.Utf8.Span.IndexOf("m.room.member"u8) < 0)
            return null;
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Stored room version {fact.RoomVersion} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        return pdu.Type == MemberType ? pdu : null;
    }

    /// <summary>A kick or a ban: of a user of which server, and what it cites.</summary>
    internal sealed record Ending(string Server, IReadOnlyList<string> AuthEvents);
}
