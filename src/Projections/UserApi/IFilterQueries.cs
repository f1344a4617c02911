using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>Stored filters.</summary>
public interface IFilterQueries
{
    /// <summary>The filter as it was given, or null.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(UserId user, string filterId, CancellationToken cancellationToken);
}
