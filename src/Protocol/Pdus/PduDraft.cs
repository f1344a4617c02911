using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>All that a new PDU of ours says, before it is hashed and signed.</summary>
/// <remarks>Shape: RoomId is null for a create PDU whose id makes the room's. Units: OriginServerTs, Unix
/// milliseconds.</remarks>
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
    public EventId? Redacts { get; init; }
}

/// <summary>What became of a draft.</summary>
public abstract record PduBuildResult
{
    private PduBuildResult()
    {
    }

    public sealed record Built(Pdu Pdu) : PduBuildResult;

    public sealed record Refused(MatrixError Error) : PduBuildResult;
}
