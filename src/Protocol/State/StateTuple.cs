namespace Matrix.EventSourced.Protocol.State;

/// <summary>The key of one entry of a room's state: event type and state key.</summary>
/// <remarks>Shape: any strings, also empty ones; compared ordinally.</remarks>
public readonly record struct StateTuple(string Type, string StateKey)
{
    public override string ToString() => $"({Type}, {StateKey})";
}

/// <summary>One entry of a room's state: which PDU holds a state tuple.</summary>
/// <remarks>Shape: the PDU is named, not held; its type and state key are the tuple's.</remarks>
public readonly record struct StateEntry(StateTuple Tuple, Identifiers.EventId EventId);
