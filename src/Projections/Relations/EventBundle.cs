using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Relations;

/// <summary>The bundled aggregations of one event: <c>m.relations</c> in its <c>unsigned</c>.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #aggregations-of-child-events. Shape: never empty; References are event ids in the
/// order in which this server got them.
/// </remarks>
public sealed record EventBundle(StoredEvent? Edit, ThreadSummary? Thread, IReadOnlyList<string> References)
{
    public bool IsEmpty => Edit is null && Thread is null && References.Count == 0;
}

/// <summary>A thread as its root shows it. LatestBundle: the latest event's own aggregations.</summary>
/// <remarks>Spec: v1.19 client-server-api #server-side-aggregation-of-mthread-relationships.</remarks>
public sealed record ThreadSummary(StoredEvent Latest, EventBundle? LatestBundle, long Count, bool HasParticipated);

/// <summary>For whom relations are read: what they may see, and whom they ignore.</summary>
public sealed record RelationReader(string UserId, VisibleStretches Visible, IReadOnlyCollection<string> Ignored);
