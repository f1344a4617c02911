using System.Collections.Immutable;
using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>What keeps a projection from following the log.</summary>
/// <remarks>
/// Shape: Position is the record that cannot be applied, or the last one applied when no record is to blame (RecordType
/// null).
/// IsRetrying: PostgreSQL or the log is away and the projection comes back by itself; otherwise it has stopped until
/// the next start.
/// </remarks>
public sealed record ProjectionProblem(
    string Projection,
    LogPosition Position,
    string? RecordType,
    string Error,
    bool IsRetrying);

/// <summary>Whether every projection follows the log; the health endpoint and operators read it.</summary>
public sealed class ProjectionHealth
{
    private ImmutableSortedDictionary<string, ProjectionProblem> _problems =
        ImmutableSortedDictionary.Create<string, ProjectionProblem>(StringComparer.Ordinal);

    public bool IsHealthy => Volatile.Read(ref _problems).IsEmpty;

    /// <summary>At most one per projection, by name.</summary>
    public IEnumerable<ProjectionProblem> Problems => Volatile.Read(ref _problems).Values;

    internal ProjectionProblem? Find(string projection) => Volatile.Read(ref _problems).GetValueOrDefault(projection);

    internal void Report(ProjectionProblem problem) =>
        ImmutableInterlocked.Update(ref _problems, static (all, one) => all.SetItem(one.Projection, one), problem);

    internal void Clear(string projection) =>
        ImmutableInterlocked.Update(ref _problems, static (all, name) => all.Remove(name), projection);
}
