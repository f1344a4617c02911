using System.Collections.Immutable;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>
/// What a decider says: these facts, or a refusal. Accepted without facts means that all is as asked already.
/// </summary>
public abstract record Decision
{
    private Decision() { }

    public sealed record Accepted(ImmutableArray<IFact> Facts) : Decision;

    public sealed record Refused(MatrixError Error) : Decision;

    /// <summary>Accepted, and nothing to write.</summary>
    public static readonly Decision Nothing = new Accepted([]);

    public static Decision Accept(params ImmutableArray<IFact> facts) => new Accepted(facts);

    public static implicit operator Decision(MatrixError error) => new Refused(error);
}
