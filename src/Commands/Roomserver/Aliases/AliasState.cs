using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Aliases;

/// <summary>Where one local alias points: the state of its stream <c>alias-…</c>.</summary>
/// <remarks>Shape: both null when it points nowhere.</remarks>
public sealed record AliasState(RoomId? RoomId, UserId? Creator) : IAggregateState<AliasState>
{
    public static AliasState Initial { get; } = new(null, null);

    public static bool LastRecordOnly => true;

    public AliasState Evolve(IFact fact) => fact switch
    {
        AliasCreated created => new AliasState(created.RoomId, created.Creator),
        AliasDeleted => Initial,
        _ => this,
    };
}
