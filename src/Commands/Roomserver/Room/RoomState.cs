using System.Collections.Immutable;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>A room as its worker holds it: all that a new PDU builds on.</summary>
/// <remarks>
/// Shape: immutable. <see cref="Revision"/> and <see cref="Position"/> are those of the stream's last record, which
/// alone is enough to load this.
/// A room that does not exist yet is no <see cref="RoomState"/> at all.
/// </remarks>
public sealed record RoomState
{
    public required RoomId RoomId { get; init; }

    public required RoomVersionRules Rules { get; init; }

    /// <summary>The create PDU; null only while the room is not here, but for outliers.</summary>
    public required Pdu? FoundCreate { get; init; }

    /// <summary>The create PDU of a room that is here.</summary>
    public Pdu Create
    {
        get
        {
            Invariant.Holds(FoundCreate is not null, "a room that is here has a create event");
            return FoundCreate;
        }
    }

    /// <summary>Whether the room is here; false when nothing but outliers is known of it (an invite, a join under
    /// way).</summary>
    public bool IsPresent => !ForwardExtremities.IsEmpty;

    public required ImmutableArray<EventId> ForwardExtremities { get; init; }

    public required long Depth { get; init; }

    public required StateMap Current { get; init; }

    public required long Revision { get; init; }

    public required LogPosition Position { get; init; }
}
