using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Who types in a room: the last fact of <c>typing-…</c>.</summary>
public sealed record TypingState : IAggregateState<TypingState>
{
    public static TypingState Initial { get; } = new();

    public static bool LastRecordOnly => true;

    /// <summary>In the order of their beginning.</summary>
    public ImmutableArray<Typist> Typists { get; init; } = [];

    public TypingState Evolve(IFact fact) => fact is TypingChanged changed
        ? new() { Typists = changed.Typists.IsDefault ? [] : changed.Typists }
        : this;
}
