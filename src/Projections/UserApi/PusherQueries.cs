using System.Text;
using Marten;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <inheritdoc/>
public sealed class PusherQueries(IDocumentStoreAccess documents) : IPusherQueries
{
    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> AllAsync(
        UserId user, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var userId = user.Value;
        var found = await session.Query<PusherDocument>()
            .Where(pusher => pusher.UserId == userId)
            .OrderBy(pusher => pusher.Position)
            .ToListAsync(cancellationToken);
        return [.. found.Select(one => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(one.Content))];
    }

    public async ValueTask<IReadOnlyList<UserId>> OwnersAsync(
        string appId, string pushKey, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var found = await session.Query<PusherDocument>()
            .Where(pusher => pusher.PushKey == pushKey && pusher.AppId == appId)
            .ToListAsync(cancellationToken);
        return [.. found.Select(one => UserId.Parse(one.UserId)).Order()];
    }
}
