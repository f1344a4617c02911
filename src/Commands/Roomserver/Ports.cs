using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>The content-addressed nodes of all rooms' state maps.</summary>
/// <remarks>
/// Ensures: what <see cref="WriteAsync"/> returned from is read by every later <see cref="FindAsync"/>. Nodes are
/// immutable and shared by rooms.
/// LOCK: nodes are written before the fact that names their root is appended; a node that no fact ever names is
/// harmless.
/// </remarks>
public interface IStateNodeStore
{
    /// <summary>The bytes of a node, or null when it is not stored.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(StateRoot hash);

    /// <summary>Stores nodes; those that exist already stay as they are.</summary>
    ValueTask WriteAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> nodes);
}

/// <summary>PDUs of the log by their id.</summary>
public interface IPduStore
{
    /// <summary>Those of the ids that are known, in no order.</summary>
    /// <remarks>Ensures: every PDU whose append returned before this call is found (the read waits for its
    /// projection).</remarks>
    ValueTask<IReadOnlyList<StoredPdu>> FindAsync(IReadOnlyList<EventId> eventIds);
}

/// <summary>A PDU as it is stored now.</summary>
/// <remarks>Shape: Json is the federation form in canonical bytes; the redacted form when
/// <paramref name="IsRedacted"/>.</remarks>
public sealed record StoredPdu(
    EventId EventId,
    RoomId RoomId,
    string RoomVersion,
    ReadOnlyMemory<byte> Json,
    PduDisposition Disposition,
    bool IsRedacted);

/// <summary>First answers to requests that carried a transaction id.</summary>
public interface ITransactionLog
{
    /// <summary>The PDU that a request of this user, device and scope led to in the room, or null.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<EventId?> FindAsync(RoomId roomId, UserId userId, string deviceId, string scope, string transactionId);
}

/// <summary>In which rooms a user is; for what must reach all of them.</summary>
public interface IMembershipLookup
{
    /// <summary>The rooms that the user has joined, ordered by room id.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId);
}

/// <summary>What member events say of a user.</summary>
public interface IProfileLookup
{
    /// <summary>The profile of a local user; an empty one for users that are unknown or live elsewhere.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<MemberProfile> FindAsync(UserId userId);
}

/// <summary>The two profile fields that a member event repeats.</summary>
public sealed record MemberProfile(string? DisplayName, string? AvatarUrl)
{
    public static readonly MemberProfile Empty = new(null, null);
}
