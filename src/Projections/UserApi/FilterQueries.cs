using System.Text;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <inheritdoc/>
public sealed class FilterQueries(IDocumentStoreAccess documents) : IFilterQueries
{
    public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserId user, string filterId, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var found = await session.LoadAsync<FilterDocument>(
            FilterDocument.IdOf(user.Value, filterId), cancellationToken);
        if (found is null)
            return null;
        return Encoding.UTF8.GetBytes(found.Filter);
    }
}
