using static Matrix.EventSourced.Api.Configuration.ConfigValues;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The keys of the modules around an account: how long sessions live.</summary>
internal static class AccountConfigKeys
{
    public static readonly IReadOnlyList<ConfigKey> All =
    [
        new(
            "sessions.refreshable_token_minutes", "1 to 525600", "60",
            "How long an access token lives whose client can refresh it.",
            (c, t) => Integer(t, 1, 525_600, n =>
                c with { Sessions = c.Sessions with { RefreshableTokenLifetime = TimeSpan.FromMinutes(n) } })),
        new(
            "sessions.token_days", "0 to 36500", "0",
            "How long an access token lives whose client cannot refresh it: its user then logs in again. 0 is for ever.",
            (c, t) => Integer(t, 0, 36_500, n =>
                c with { Sessions = c.Sessions with { TokenLifetime = n == 0 ? null : TimeSpan.FromDays(n) } })),
    ];
}
