using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Nonces and signatures of the administrators' registration: a nonce is good once and for a minute.</summary>
public sealed class RegistrationNonces(TimeProvider time, IRandom random)
{
    /// <summary>LIMIT: how long a nonce waits to be used. Ours, as administrators' scripts expect.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _nonceToExpiryMs = new(StringComparer.Ordinal);
    private readonly Queue<string> _oldestFirst = [];

    public string Create()
    {
        Span<byte> bytes = stackalloc byte[32];
        random.Fill(bytes);
        var nonce = Convert.ToHexStringLower(bytes);
        var now = NowMs();
        lock (_lock)
        {
            while (_oldestFirst.TryPeek(out var oldest)
                && (!_nonceToExpiryMs.TryGetValue(
                    oldest, out var expiry) || expiry <= now || _oldestFirst.Count >= Limits.RegistrationNoncesMax))
            {
                _nonceToExpiryMs.Remove(_oldestFirst.Dequeue());
            }
            _nonceToExpiryMs[nonce] = now + (long)Lifetime.TotalMilliseconds;
            _oldestFirst.Enqueue(nonce);
        }
        return nonce;
    }

    /// <summary>True once for each nonce that was given out and has not expired.</summary>
    public bool TryUse(string nonce)
    {
        lock (_lock)
            return _nonceToExpiryMs.Remove(nonce, out var expiryMs) && expiryMs > NowMs();
    }

    /// <summary>
    /// HMAC-SHA1 over <c>nonce 00 user 00 password 00 admin|notadmin [00 user_type]</c>, in hex of any case.
    /// </summary>
    public static bool IsSignedBy(
        string secret, string nonce, string username, string password, bool isAdmin, string? userType, string mac)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{nonce}\0{username}\0{password}\0{(isAdmin ? "admin" : "notadmin")}");
        if (userType is not null)
            text += "\0" + userType;
#pragma warning disable CA5350 // The scheme of the scripts that call this is HMAC-SHA1.
        var expected = HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text));
#pragma warning restore CA5350
        return CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(
                Convert.ToHexStringLower(expected)), Encoding.UTF8.GetBytes(mac.ToLowerInvariant()));
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
