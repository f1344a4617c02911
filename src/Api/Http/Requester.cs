using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Whose access token came with the request.</summary>
public sealed record Requester(UserId UserId, string DeviceId, bool IsGuest, bool IsAdmin, string TokenSha256)
{
    /// <summary>The token is this user's, but has expired: it opens nothing, and may be refreshed.</summary>
    public bool IsExpired { get; init; }

    public bool IsLocked { get; init; }

    public bool IsSuspended { get; init; }

    /// <summary>The application service that acts as the user with its own token; null for everybody else.</summary>
    /// <remarks>DeviceId is empty then, unless it named one.</remarks>
    public string? AppserviceId { get; init; }

    /// <summary>The client of a session of the OAuth API; null for every other session.</summary>
    public string? ClientId { get; init; }

    public bool IsRateLimited { get; init; } = true;
}
