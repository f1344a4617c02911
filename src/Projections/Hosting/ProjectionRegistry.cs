using System.Collections.Frozen;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>The projections of this process by name. It depends on nothing, so a projection may ask for what is built
/// on it.</summary>
public sealed class ProjectionRegistry : IProjectionSchemas
{
    private FrozenDictionary<string, ProjectionEntry> _nameToEntry = FrozenDictionary<string, ProjectionEntry>.Empty;

    internal IEnumerable<ProjectionEntry> Entries =>
        Volatile.Read(ref _nameToEntry).Values.OrderBy(e => e.Projection.Name, StringComparer.Ordinal);

    internal void Fill(IEnumerable<IProjection> projections) => Volatile.Write(
        ref _nameToEntry,
        projections.ToFrozenDictionary(p => p.Name, p => new ProjectionEntry(p), StringComparer.Ordinal));

    internal ProjectionEntry Get(string projection) =>
        Volatile.Read(ref _nameToEntry).TryGetValue(projection, out var entry)
            ? entry
            : throw new InvalidOperationException(
                $"There is no projection '{projection}'; is it registered as an IProjection?");

    public string Live(string projection) =>
        Get(projection).LiveSchema
        ?? throw new InvalidOperationException(
            $"Projection '{projection}' has no live version: the host has not started, or health says why.");
}
