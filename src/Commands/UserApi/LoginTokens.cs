using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Tokens that let another client of the same user in: good once, and for two minutes.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv1loginget_token.
/// In memory only, by their hash: one that is lost in a restart is asked for again.
/// LIMIT: <see cref="Limits.LoginTokensMax"/>; the oldest is forgotten.
/// </remarks>
public sealed class LoginTokens(TimeProvider time, IRandom random)
{
    /// <summary>
    /// LIMIT: how long a token can be used. Spec: client-server-api #post_matrixclientv1loginget_token.
    /// </summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(2);

    /// <summary>LIMIT: how long a token can be used that a client gets from single sign-on.</summary>
    /// <remarks>Spec: client-server-api #handling-the-callback-from-the-authentication-server: around five seconds.
    /// Ours
    /// is longer: a client in a browser is loaded meanwhile.</remarks>
    public static readonly TimeSpan SsoLifetime = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (UserId UserId, long ExpiresAtMs)> _tokens = new(StringComparer.Ordinal);
    private readonly Queue<(string Sha256, long ExpiresAtMs)> _oldestFirst = [];

    public string Create(UserId userId, TimeSpan? lifetime = null)
    {
        var token = AccessTokens.Create(random);
        var sha256 = AccessTokens.Hash(token);
        var now = NowMs();
        var expiresAtMs = now + (long)(lifetime ?? Lifetime).TotalMilliseconds;
        lock (_lock)
        {
            while (_oldestFirst.TryPeek(out var oldest)
                && (oldest.ExpiresAtMs <= now || _oldestFirst.Count >= Limits.LoginTokensMax))
                _tokens.Remove(_oldestFirst.Dequeue().Sha256);
            _tokens.Add(sha256, (userId, expiresAtMs));
            _oldestFirst.Enqueue((sha256, expiresAtMs));
        }
        return token;
    }

    /// <summary>Whose the token is; true once for each token that has not expired.</summary>
    public bool TryUse(string token, out UserId userId)
    {
        userId = default;
        if (token.Length > AccessTokens.LengthMax)
            return false;
        lock (_lock)
        {
            if (!_tokens.Remove(AccessTokens.Hash(token), out var known) || known.ExpiresAtMs <= NowMs())
                return false;
            userId = known.UserId;
            return true;
        }
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
