using Marten;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Documents of a projection: written in the batch's transaction, read from the version that is
/// live.</summary>
public interface IDocumentStoreAccess
{
    /// <summary>A session on the batch's connection and transaction.</summary>
    /// <remarks>
    /// Requires: SaveChangesAsync before ApplyAsync returns; the host commits, together with the checkpoint.
    /// Cost: no round trip of its own.
    /// </remarks>
    IDocumentSession OpenSession(ProjectionBatch batch);

    /// <summary>A read session on the live version; it takes a connection from the pool only while it reads.</summary>
    IQuerySession QuerySession(string projection);
}
