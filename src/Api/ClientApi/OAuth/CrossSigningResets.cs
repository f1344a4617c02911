using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Users who allowed on the account page that their cross-signing keys are replaced.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #oauth-authentication. In memory and for ten minutes: what is lost in a restart is
/// allowed again. LIMIT: <see cref="UsersMax"/>.
/// </remarks>
internal sealed class CrossSigningResets(TimeProvider time)
{
    /// <summary>How long it may take to get back to the client.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private const int UsersMax = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<UserId, long> _untilMs = [];

    public void Allow(UserId user)
    {
        lock (_lock)
        {
            if (_untilMs.Count >= UsersMax)
            {
                foreach (var (old, until) in _untilMs.ToList())
                {
                    if (until <= NowMs())
                        _untilMs.Remove(old);
                }
            }
            if (_untilMs.Count < UsersMax)
                _untilMs[user] = NowMs() + (long)Lifetime.TotalMilliseconds;
        }
    }

    public bool IsAllowed(UserId user)
    {
        lock (_lock)
            return _untilMs.TryGetValue(user, out var until) && until > NowMs();
    }

    /// <summary>The keys were replaced: once is enough.</summary>
    public void Use(UserId user)
    {
        lock (_lock)
            _untilMs.Remove(user);
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
