namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Tables that belong to no version of a projection: content-addressed data that several of them and the write
/// side share.</summary>
/// <remarks>
/// Shape: <see cref="Ddl"/> is idempotent (<c>CREATE … IF NOT EXISTS</c>) and names its schema itself; it runs at every
/// start, before any projection.
/// Requires: what it holds can be made again from the log, like every other table.
/// </remarks>
public interface IFixedSchema
{
    string Ddl { get; }
}
