using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Whether a server's certificate is good: the machine's authorities, and further ones from a file.</summary>
/// <remarks>Spec: v1.19 server-server-api #tls. The name is always compared; only the trust in the issuer is widened.
/// </remarks>
internal sealed class CertificateCheck(X509Certificate2Collection authorities, bool verifies)
{
    public bool Accepts(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (!verifies || errors == SslPolicyErrors.None)
            return true;
        // Another name, or no certificate at all, is wrong whoever issued it.
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || authorities.Count == 0
            || certificate is not X509Certificate2 server)
        {
            return false;
        }
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(authorities);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        own.ChainPolicy.ApplicationPolicy.Add(new("1.3.6.1.5.5.7.3.1"));
        // What the server sent beside its own certificate may be needed to get to the root.
        foreach (var element in chain?.ChainElements ?? (IEnumerable<X509ChainElement>)[])
            own.ChainPolicy.ExtraStore.Add(element.Certificate);
        return own.Build(server);
    }
}
