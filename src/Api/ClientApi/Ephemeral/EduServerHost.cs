using Matrix.EventSourced.Commands.EduServer;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>Starts the timers of typing and presence once the projections have caught up, and stops them.</summary>
internal sealed class EduServerHost(TypingBook typing, PresenceTracker presence, RemotePresence remote) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await typing.StartAsync(cancellationToken);
        await presence.StartAsync(cancellationToken);
        await remote.StartAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        typing.Dispose();
        presence.Dispose();
        remote.Dispose();
        return Task.CompletedTask;
    }
}
