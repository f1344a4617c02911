using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>A PDU as the tables hold it now. Shape: Json is the federation form, redacted where IsRedacted.</summary>
public sealed record RoomserverPdu(
    EventId EventId,
    RoomId RoomId,
    string RoomVersion,
    ReadOnlyMemory<byte> Json,
    PduDisposition Disposition,
    bool IsRedacted)
{
    /// <summary>The state before it; the root of the empty state for an outlier.</summary>
    public Protocol.State.StateRoot StateBefore { get; init; }

    /// <summary>What an invite or a knock said of its room's state; null for any other PDU.</summary>
    public ReadOnlyMemory<byte>? StrippedState { get; init; }
}

/// <summary>What the write side asks of the read side.</summary>
/// <remarks>
/// Ensures: every answer sees all appends that returned before the call: each question waits at the gate first.
/// </remarks>
public interface IRoomserverQueries
{
    /// <summary>Those of the ids that are known, whatever their disposition, in no order.</summary>
    ValueTask<IReadOnlyList<RoomserverPdu>> FindPdusAsync(
        IReadOnlyList<EventId> eventIds, CancellationToken cancellationToken = default);

    /// <summary>The PDU that a request with this transaction id led to in the room, or null.</summary>
    ValueTask<EventId?> FindTransactionAsync(
        RoomId roomId, UserId userId, string deviceId, string scope, string transactionId,
            CancellationToken cancellationToken = default);

    /// <summary>The rooms that the user has joined, ordered by room id.</summary>
    ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId, CancellationToken cancellationToken = default);

    /// <summary>The rooms that the user has joined, is invited to or knocks on, ordered by room id.</summary>
    ValueTask<IReadOnlyList<RoomId>> RoomsOfAsync(UserId userId, CancellationToken cancellationToken = default);

    /// <summary>Where a local alias points, or null.</summary>
    ValueTask<RoomId?> FindAliasAsync(RoomAlias alias, CancellationToken cancellationToken = default);

    /// <summary>The local aliases of a room, in order.</summary>
    ValueTask<IReadOnlyList<RoomAlias>> AliasesOfAsync(RoomId roomId, CancellationToken cancellationToken = default);

    /// <summary>Whether the public directory lists the room.</summary>
    ValueTask<bool> IsPublicAsync(RoomId roomId, CancellationToken cancellationToken = default);

    /// <summary>The version of a room that this server has the create event of, or null.</summary>
    ValueTask<string?> FindRoomVersionAsync(RoomId roomId, CancellationToken cancellationToken = default);
}
