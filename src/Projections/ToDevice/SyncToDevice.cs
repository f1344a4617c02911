using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Projections.ToDevice;

/// <summary>The <c>to_device</c> part of a sync.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #send-to-device-messaging.
/// Ensures: in the order in which they came; where more wait than one answer holds, the answer says up to where it
/// goes, and what is left is neither shown nor acknowledged before its turn.
/// Cost: a look into memory where nothing waits; else one round trip.
/// </remarks>
public sealed class SyncToDevice(LiveToDevice live, ToDeviceReader reader, IProjectionGate gate) : ISyncPart
{
    public async ValueTask AddAsync(
        SyncRequest request,
        Lazy<List<UserMembership>> joined,
        SyncAnswer answer,
        CancellationToken cancellationToken)
    {
        if (request.ToDeviceAfter is not { } after)
            return;
        await gate.WaitForAsync(ToDeviceProjection.Gate, new((ulong)answer.NextBatch), cancellationToken);
        var user = request.User.Value;
        if (!live.MayHaveMessages(user, request.DeviceId))
            return;
        var (messages, hasAny) = await reader.ReadAsync(
            user,
            request.DeviceId,
            after,
            answer.NextBatch,
            Limits.ToDeviceMessagesPerSyncMax + 1,
            cancellationToken);
        if (!hasAny)
            live.WasEmpty(user, request.DeviceId, answer.NextBatch);
        if (messages.Count > Limits.ToDeviceMessagesPerSyncMax)
        {
            messages.RemoveAt(Limits.ToDeviceMessagesPerSyncMax);
            answer.ToDeviceUpTo = messages[^1].Position;
        }
        answer.ToDevice.AddRange(messages);
    }
}
