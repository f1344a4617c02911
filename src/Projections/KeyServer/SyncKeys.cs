using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>What a sync says of keys: whose to ask for again, and what the device has left to give out.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #e2e-extensions-to-sync.
/// Cost: two looks into memory where no list changed and nobody began or ceased to share a room with the user; else one
/// round trip.
/// </remarks>
public sealed class SyncKeys(LiveView view, LiveKeySupplies supplies, KeyServerReader reader, IProjectionGate gate)
    : ISyncPart
{
    public async ValueTask AddAsync(
        SyncRequest request,
        Lazy<List<UserMembership>> joined,
        SyncAnswer answer,
        CancellationToken cancellationToken)
    {
        await gate.WaitForAsync(KeyServerProjection.Gate, new((ulong)answer.NextBatch), cancellationToken);
        var user = request.User.Value;
        var (supply, ticket) = supplies.Find(user, request.DeviceId);
        if (supply is null)
        {
            supply = await reader.ReadSupplyAsync(user, request.DeviceId, cancellationToken);
            supplies.Loaded(user, request.DeviceId, supply, ticket);
        }
        answer.KeySupply = supply;
        if (request.Since is not { } since)
            return;
        answer.DeviceLists = view.MayHaveDeviceListNews(user, since)
            ? await reader.ReadChangesAsync(user, since, answer.NextBatch, cancellationToken)
            : DeviceListChanges.None;
    }
}
