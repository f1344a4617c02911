using System.Collections.Immutable;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>Where to send a request for a server, and as whom it must prove itself.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #resolving-server-names.
/// Shape: Host is the Host header (and, without the port, the name in the certificate); Places are tried in their
/// order, names still to be resolved.
/// </remarks>
public sealed record ServerTarget(string Host, ImmutableArray<Place> Places)
{
    public bool Equals(ServerTarget? other) =>
        other is not null && Host == other.Host && Places.SequenceEqual(other.Places);

    public override int GetHashCode() => Host.GetHashCode(StringComparison.Ordinal);
}

/// <summary>A host, name or IP literal (IPv6 in brackets), and a port.</summary>
public readonly record struct Place(string Host, int Port)
{
    public override string ToString() => $"{Host}:{Port}";
}

/// <summary>What discovery found.</summary>
public abstract record DiscoveryResult
{
    private DiscoveryResult()
    {
    }

    public sealed record Found(ServerTarget Target) : DiscoveryResult;

    /// <summary>The server says itself that it has no such service.</summary>
    public sealed record NoService(string Reason) : DiscoveryResult;
}
