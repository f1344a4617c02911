using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>The keys of other servers, and our own.</summary>
/// <remarks>Spec: v1.19 server-server-api #retrieving-server-keys.</remarks>
public interface IServerKeyRing
{
    /// <summary>Whatever is known after all that could be done for these needs; null for a server of which nothing is.
    /// </summary>
    /// <remarks>Shape: one answer per need, in their order. The caller still looks whether it has the key.</remarks>
    ValueTask<IReadOnlyList<KnownServerKeys?>> FindAsync(
        IReadOnlyList<KeyNeed> needs, CancellationToken cancellationToken);

    /// <summary>A server's document as of some time, asked anew unless it is fresh; the last one known when the server
    /// is down, null for none.</summary>
    ValueTask<KnownServerKeys?> DocumentAsync(
        ServerName server, long validAtMs, CancellationToken cancellationToken);
}
