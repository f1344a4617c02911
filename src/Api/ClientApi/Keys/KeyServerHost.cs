using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.KeyServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>Puts right what a crash left of device lists, and starts what looks after those of other servers'
/// users.</summary>
internal sealed class KeyServerHost(
    DeviceListKeeper lists,
    RemoteDeviceLists remote,
    KeyServerReader reader,
    IProjectionGate gate,
    TimeProvider time) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(KeyServerProjection.Gate, cancellationToken);
        var context = new CommandContext(FactActor.Self, time.GetUtcNow().ToUnixTimeMilliseconds(), "keyserver");
        foreach (var user in await reader.ReadUnreconciledAsync(cancellationToken))
            await lists.ReconcileAsync(user, context);
        remote.Start();
    }

    public Task StopAsync(CancellationToken cancellationToken) => remote.StopAsync();
}
