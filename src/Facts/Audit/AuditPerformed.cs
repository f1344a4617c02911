using System.Collections.Immutable;

namespace Matrix.EventSourced.Facts.Audit;

/// <summary>Somebody looked into the log: <c>audit.performed.v1</c>, stream <c>audit-log</c>.</summary>
/// <remarks>Shape: <paramref name="Arguments"/> as they were given, the question first; who asked stands in the
/// metadata.</remarks>
public sealed record AuditPerformed(ImmutableArray<string> Arguments) : IFact;
