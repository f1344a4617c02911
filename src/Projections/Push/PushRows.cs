using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>A room as push rules see it.</summary>
internal sealed class PushRoom(string roomId)
{
    public string RoomId => roomId;

    /// <summary>Joined members of all servers.</summary>
    public long Joined { get; set; }

    /// <summary>Those of them that are ours.</summary>
    public long JoinedLocal { get; set; }

    /// <summary>How many PDUs of the room may have notified somebody: those on its timeline, and invites.</summary>
    public long Ordinal { get; set; }

    public long LoadedOrdinal { get; init; }

    public string? LevelsId { get; set; }

    public string? CreateId { get; set; }

    /// <summary>The last position at which a notification went because its PDU was redacted.</summary>
    public long RedactedPosition { get; set; }

    public bool IsChanged { get; set; }

    /// <summary>Joined users of ours who changed their push rules.</summary>
    public HashSet<string> WithOwnRules { get; } = new(StringComparer.Ordinal);

    /// <summary>Up to which ordinal rows are removed; a function of the count alone, so that it does not matter how the
    /// log is cut into batches.</summary>
    public long PruneUpTo =>
        (Ordinal / PushLimits.PruneEvery * PushLimits.PruneEvery) - PushLimits.RoomHistoryMax;

    public bool IsToPrune => PruneUpTo > 0 && Ordinal / PushLimits.PruneEvery != LoadedOrdinal / PushLimits.PruneEvery;
}

/// <summary>A member: joined, or one of ours who is invited. DisplayName is kept of our users only.</summary>
internal sealed record PushMember(Membership Membership, string? DisplayName, string EventId, long Since);

/// <summary>What a member PDU says.</summary>
internal sealed record MemberEvent(string RoomId, string UserId, Membership Membership, string? DisplayName);

/// <summary>A user's own push rules; see <see cref="PushRulesOf"/>.</summary>
internal sealed record OwnRules(string Sha256, bool AsksForName, ReadOnlyMemory<byte> Content);

/// <summary>Where in a thread a PDU is. Shape: Hops counts the relations to the one that names the root.</summary>
internal readonly record struct ThreadPlace(string Root, short Hops);

/// <summary>What a PDU does for somebody. Units: Ts, Unix milliseconds of the record.</summary>
internal sealed record NotificationRow(
    string RoomId,
    string EventId,
    long Position,
    long Ordinal,
    string ThreadId,
    string Sender,
    bool Notifies,
    bool IsHighlight,
    string Actions,
    long Ts);
