namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Tells the calls under way that the gateway stops.</summary>
internal sealed record GatewayLifetime(CancellationToken Stopping);
