using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Sso;

/// <summary>Somebody who is at an identity provider, and comes back.</summary>
/// <remarks>Shape: Browser is who left; Next is where they go on to, UiaSession the request that they authenticate for,
/// one of the two.</remarks>
internal sealed record PendingLogin(
    string ProviderId, string Browser, string Nonce, string Verifier, string? Next, string? UiaSession);

/// <summary>Somebody new who has to choose a name. Shape: Link is who they are at their provider.</summary>
internal sealed record PendingName(
    UpstreamLink Link, string Browser, string Next, string? Suggestion, string? DisplayName);

/// <summary>Who is under way, by a secret that is used once.</summary>
/// <remarks>In memory (ADR 0094): who is lost in a restart begins again. LIMIT: <see cref="PendingMax"/>; the oldest is
/// forgotten.</remarks>
internal sealed class UpstreamLogins(TimeProvider time, IRandom random)
{
    /// <summary>How long somebody may take at their provider. Ours.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private const int PendingMax = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (object What, long UntilMs)> _pending = new(StringComparer.Ordinal);
    private readonly Queue<(string Sha256, long UntilMs)> _oldestFirst = [];

    public string Secret() => AccessTokens.Create(random);

    public string Begin(PendingLogin login) => Keep(login);

    public string Begin(PendingName name) => Keep(name);

    public PendingLogin? Take(string? state, string browser) =>
        Find(state, takes: true) is PendingLogin login && login.Browser == browser ? login : null;

    public PendingName? FindName(string? secret, string browser) =>
        Find(secret, takes: false) is PendingName name && name.Browser == browser ? name : null;

    public void End(string? secret) => Find(secret, takes: true);

    private string Keep(object what)
    {
        var secret = Secret();
        var sha256 = AccessTokens.Hash(secret);
        var now = NowMs();
        var until = now + (long)Lifetime.TotalMilliseconds;
        lock (_lock)
        {
            while (_oldestFirst.TryPeek(out var oldest) && (oldest.UntilMs <= now || _oldestFirst.Count >= PendingMax))
                _pending.Remove(_oldestFirst.Dequeue().Sha256);
            _pending[sha256] = (what, until);
            _oldestFirst.Enqueue((sha256, until));
        }
        return secret;
    }

    private object? Find(string? secret, bool takes)
    {
        if (secret is null or { Length: > AccessTokens.LengthMax })
            return null;
        var sha256 = AccessTokens.Hash(secret);
        lock (_lock)
        {
            if (!_pending.TryGetValue(sha256, out var found))
                return null;
            if (takes)
                _pending.Remove(sha256);
            return found.UntilMs > NowMs() ? found.What : null;
        }
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
