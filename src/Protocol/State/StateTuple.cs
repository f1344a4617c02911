namespace Matrix.EventSourced.Protocol.State;

/// <summary>The key of one entry of a room's state: event type and state key.</summary>
public readonly record struct StateTuple(string Type, string StateKey)
{
    public override string ToString() => $"({Type}, {StateKey})";
}

/// <summary>One entry of a room's state: which PDU holds a state tuple.</summary>
public readonly record struct StateEntry(StateTuple Tuple, Identifiers.EventId EventId);
