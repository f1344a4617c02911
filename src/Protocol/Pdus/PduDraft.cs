using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>All that a new PDU of ours says, before it is hashed and signed.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #pdus; rooms/v* #event-format.
/// Shape: RoomId is null for a create PDU whose id makes the room's. Units: OriginServerTs, Unix milliseconds.
/// </remarks>
public sealed record PduDraft(
    RoomId? RoomId,
    string Type,
    string? StateKey,
    UserId Sender,
    JsonElement Content,
    long OriginServerTs,
    long Depth,
    IReadOnlyList<EventId> PrevEvents,
    IReadOnlyList<EventId> AuthEvents)
{
    /// <summary>What a redaction redacts; the builder puts it where the room version keeps it.</summary>
    /// <remarks>Null: what the content of an <c>m.room.redaction</c> says, which clients may send in any
    /// version.</remarks>
    public EventId? Redacts { get; init; }

    /// <summary>
    /// Room versions 1 and 2: the reference hashes of the PDUs that PrevEvents and AuthEvents cite, as far as they are
    /// known (<see cref="PduHashes.ReferenceHash(Pdu)"/>). Later versions have them in the ids and do not look here.
    /// </summary>
    public IReadOnlyDictionary<EventId, ReadOnlyMemory<byte>>? EventIdToReferenceHash { get; init; }
}

/// <summary>What became of a draft.</summary>
/// <remarks>Shape: closed, one of the two.</remarks>
public abstract record PduBuildResult
{
    private PduBuildResult()
    {
    }

    /// <summary>The PDU, hashed and signed.</summary>
    public sealed record Built(Pdu Pdu) : PduBuildResult;

    /// <summary>No server would take such a PDU.</summary>
    public sealed record Refused(MatrixError Error) : PduBuildResult;
}
