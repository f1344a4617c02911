using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>A state tuple that two state maps hold differently.</summary>
/// <remarks>Shape: <paramref name="Before"/> is null where only the second map has the tuple, <paramref name="After"/>
/// where only the first has.</remarks>
public readonly record struct StateDifference(StateTuple Tuple, EventId? Before, EventId? After);
