using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Somebody who logged in on this server's pages.</summary>
/// <remarks>Shape: IsFresh while they have just shown who they are; PasswordHash null for who has no
/// password.</remarks>
internal sealed record BrowserSession(UserId UserId, string? PasswordHash, long AuthenticatedAtMs)
{
    public bool IsFresh { get; init; }
}

/// <summary>Who is logged in on this server's pages.</summary>
/// <remarks>
/// In memory, by the hash of a cookie, for an hour (ADR 0093): such a session opens pages, never the client API. It
/// ends
/// with the account, when the account is locked, and when its password changes.
/// LIMIT: <see cref="SessionsMax"/>; the oldest is forgotten.
/// </remarks>
internal sealed class BrowserSessions(
    TimeProvider time,
    IRandom random,
    AggregateStore<CredentialsState> credentials,
    AggregateStore<AccountState> accounts)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>How long after a login nobody is asked again before something that cannot be taken back.</summary>
    private static readonly TimeSpan Freshness = TimeSpan.FromMinutes(5);

    private const int SessionsMax = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, BrowserSession> _sessions = new(StringComparer.Ordinal);
    private readonly Queue<(string Sha256, long ExpiresAtMs)> _oldestFirst = [];

    /// <summary>Begins a session; answers its secret.</summary>
    public async ValueTask<string> CreateAsync(UserId userId)
    {
        var hash = (await credentials.LoadAsync(UserStreams.Credentials(userId))).State.PasswordHash;
        var secret = AccessTokens.Create(random);
        var sha256 = AccessTokens.Hash(secret);
        var now = NowMs();
        lock (_lock)
        {
            while (_oldestFirst.TryPeek(out var oldest)
                && (oldest.ExpiresAtMs <= now || _oldestFirst.Count >= SessionsMax))
                _sessions.Remove(_oldestFirst.Dequeue().Sha256);
            _sessions[sha256] = new BrowserSession(userId, hash, now);
            _oldestFirst.Enqueue((sha256, now + (long)Lifetime.TotalMilliseconds));
        }
        return secret;
    }

    public async ValueTask<BrowserSession?> FindAsync(string? secret)
    {
        if (secret is null or { Length: 0 or > AccessTokens.LengthMax })
            return null;
        BrowserSession? session;
        lock (_lock)
            _sessions.TryGetValue(AccessTokens.Hash(secret), out session);
        var now = NowMs();
        if (session is null || session.AuthenticatedAtMs + (long)Lifetime.TotalMilliseconds <= now)
            return null;
        var state = (await credentials.LoadAsync(UserStreams.Credentials(session.UserId))).State;
        var account = (await accounts.LoadAsync(UserStreams.Account(session.UserId))).State;
        if (!state.Exists || state.IsDeactivated || account.IsLocked || state.PasswordHash != session.PasswordHash)
            return null;
        return session with { IsFresh = now - session.AuthenticatedAtMs < (long)Freshness.TotalMilliseconds };
    }

    public void End(string? secret)
    {
        if (secret is null or { Length: > AccessTokens.LengthMax })
            return;
        lock (_lock)
            _sessions.Remove(AccessTokens.Hash(secret));
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
