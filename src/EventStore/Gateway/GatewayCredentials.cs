using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Who may use the gateway: one user with one password.</summary>
public sealed class GatewayCredentials
{
    private const string Scheme = "Basic ";

    private readonly byte[] _hash;

    public GatewayCredentials(string user, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(user);
        ArgumentException.ThrowIfNullOrEmpty(password);
        if (user.Contains(':', StringComparison.Ordinal))
            throw new ArgumentException("A user name holds no colon.", nameof(user));
        _hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{user}:{password}"));
    }

    /// <summary>Whether an <c>authorization</c> header carries them. Takes as long for a right one as for a wrong
    /// one.</summary>
    internal bool Admit(string? authorization)
    {
        if (authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) != true)
            return false;
        var given = new byte[authorization.Length];
        return Convert.TryFromBase64String(authorization[Scheme.Length..].Trim(), given, out var length)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(given.AsSpan(0, length)), _hash);
    }

    /// <summary>What the node says of itself clients ask before they know whom to log in to.</summary>
    internal static bool IsOpen(PathString path) =>
        path.StartsWithSegments("/event_store.client.server_features.ServerFeatures")
        || path.StartsWithSegments("/event_store.client.gossip.Gossip");
}
