using Marten;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <inheritdoc/>
public sealed class DeviceQueries(IDocumentStoreAccess documents) : IDeviceQueries
{
    public async ValueTask<IReadOnlyList<Device>> AllAsync(UserId user, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var userId = user.Value;
        var found = await session.Query<DeviceDocument>(
            ).Where(device => device.UserId == userId).ToListAsync(cancellationToken);
        return [.. found.Select(
            one => new Device(one.DeviceId, one.DisplayName)).OrderBy(one => one.DeviceId, StringComparer.Ordinal)];
    }

    public async ValueTask<Device?> FindAsync(UserId user, string deviceId, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var found = await session.LoadAsync<DeviceDocument>(
            DeviceDocument.IdOf(user.Value, deviceId), cancellationToken);
        return found is null ? null : new Device(found.DeviceId, found.DisplayName);
    }
}
