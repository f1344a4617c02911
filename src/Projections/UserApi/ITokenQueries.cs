using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>Whose an access token is. Units: ExpiresAtMs, Unix milliseconds; null never expires.</summary>
public sealed record TokenOwner(UserId UserId, string DeviceId, bool IsGuest, bool IsAdmin, long? ExpiresAtMs)
{
    public bool IsLocked { get; init; }

    public bool IsSuspended { get; init; }

    /// <summary>The refresh token that this token came from is still good, until this one is used.</summary>
    public bool EndsRefreshToken { get; init; }

    /// <summary>The client of a session of the OAuth API; null for every other session.</summary>
    public string? ClientId { get; init; }
}

/// <summary>The hottest question of the server: whose is this token?</summary>
public interface ITokenQueries
{
    /// <summary>
    /// The owner of the token with this SHA-256 (unpadded URL-safe base64), or null. No gate: a write waits for the
    /// projection before it answers.
    /// </summary>
    /// <remarks>Cost: one lock-free read when the token was seen before, else one read by primary key.</remarks>
    ValueTask<TokenOwner?> FindAsync(string tokenSha256, CancellationToken cancellationToken);

    /// <summary>Whose the refresh token with this SHA-256 is, or null; by way of no cache.</summary>
    ValueTask<UserId?> FindByRefreshAsync(string refreshSha256, CancellationToken cancellationToken);

    /// <summary>Whose the session of the OAuth API with this SHA-256 is, and on which device; null for none.</summary>
    ValueTask<(UserId UserId, string DeviceId)?> FindByGrantAsync(
        string grantSha256, CancellationToken cancellationToken);

    /// <summary>Forgets one token at once, before its projection says so.</summary>
    void Forget(string tokenSha256);
}
