using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.ToDevice;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>What the write side asks about devices and their messages, over the queries of the projection.</summary>
internal sealed class ToDeviceLookup(
    LiveToDevice live, ToDeviceReader reader, FedSenderQueries queues, IProjectionGate gate, ServerIdentity us)
    : IToDeviceLookup
{
    public async ValueTask<IReadOnlySet<UserId>> ReachableAsync(IReadOnlyList<UserId> users)
    {
        var ours = users.Where(user => user.IsOn(us.Name)).ToList();
        HashSet<UserId> reachable = [];
        if (ours.Count > 0)
        {
            await gate.WaitForHeadAsync(ToDeviceProjection.Gate, CancellationToken.None);
            reachable = await reader.WithDevicesAsync(ours, CancellationToken.None);
        }
        reachable.UnionWith(users.Where(user => !user.IsOn(us.Name)));
        return reachable;
    }

    public async ValueTask<bool> HasPendingAsync(UserId user, string deviceId, long upTo)
    {
        await gate.WaitForHeadAsync(ToDeviceProjection.Gate, CancellationToken.None);
        return live.MayHaveMessages(user.Value, deviceId)
            && await reader.HasPendingAsync(user.Value, deviceId, upTo, CancellationToken.None);
    }

    public async ValueTask<long?> FindOldestWaitingAsync(UserId user)
    {
        try
        {
            if (!user.IsOn(us.Name))
            {
                return await queues.FindOldestQueuedAsync(
                    user.Server, ToDeviceTrimmer.StreamOf(user), CancellationToken.None);
            }
            await gate.RequireHeadAsync(ToDeviceProjection.Gate, CancellationToken.None);
            return await reader.FindOldestAsync(user.Value, CancellationToken.None);
        }
        catch (ProjectionBehindException)
        {
            // Who cannot tell keeps everything.
            return 0;
        }
    }
}
