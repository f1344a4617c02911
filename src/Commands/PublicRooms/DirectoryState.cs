using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.PublicRooms;

namespace Matrix.EventSourced.Commands.PublicRooms;

/// <summary>Whether one room is listed in the public directory: the state of its stream <c>directory-…</c>.</summary>
public sealed record DirectoryState(bool IsPublic) : IAggregateState<DirectoryState>
{
    public static DirectoryState Initial { get; } = new(false);

    public static bool LastRecordOnly => true;

    public DirectoryState Evolve(IFact fact) =>
        fact is RoomVisibilityChanged changed ? new DirectoryState(changed.IsPublic) : this;
}
