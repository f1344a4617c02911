using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>The state of one stream, as its deciders see it: immutable, made of facts only.</summary>
/// <remarks>
/// Ensures: <see cref="Evolve"/> never fails and looks at nothing but its arguments; a fact that does not concern it
/// returns the same state.
/// </remarks>
public interface IAggregateState<TSelf>
    where TSelf : class, IAggregateState<TSelf>
{
    static abstract TSelf Initial { get; }

    /// <summary>Each fact is a snapshot, and the stream keeps only the last one: loading reads one record.</summary>
    static abstract bool LastRecordOnly { get; }

    TSelf Evolve(IFact fact);
}
