namespace Matrix.EventSourced.Facts;

/// <summary>What every record says about itself beside its fact: the audit trail.</summary>
/// <remarks>
/// Shape: Causation is the record id or request id that led to this fact; Correlation joins all facts of one request.
/// Units: ReceivedAtMs, Unix milliseconds at which the request or transaction reached this server.
/// </remarks>
public sealed record FactMetadata(string Causation, string Correlation, FactActor Actor, long ReceivedAtMs);

/// <summary>Who caused a fact. Exactly one of the four is the actor; a device comes with its user.</summary>
public sealed record FactActor(string? User = null, string? Device = null, string? Server = null, string? Admin = null)
{
    /// <summary>This server itself: start-up work, expiry, clean-up.</summary>
    public static readonly FactActor Self = new(Server: "self");
}
