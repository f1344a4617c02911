using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>What an administrator sets for outgoing requests.</summary>
public sealed record FederationOptions
{
    /// <summary>Further certificate authorities.</summary>
    public X509Certificate2Collection Authorities { get; init; } = [];

    /// <summary>Off only in tests: then any certificate will do.</summary>
    public bool VerifiesCertificates { get; init; } = true;

    public IReadOnlyList<IPNetwork> DeniedIpRanges { get; init; } = [];

    public bool AllowsPrivateAddresses { get; init; }

    public string UserAgent { get; init; } = "Matrix.EventSourced";
}
