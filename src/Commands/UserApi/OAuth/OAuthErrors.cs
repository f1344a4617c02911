using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>The refusals of OAuth, whose error codes are not the spec's but those of RFC 6749, 7591 and 8628.</summary>
/// <remarks>Shape: a <see cref="MatrixError"/> whose ErrCode is OAuth's <c>error</c>; the edge writes it in OAuth's
/// form.</remarks>
public static class OAuthErrors
{
    public static MatrixError InvalidRequest(string message) => new(400, "invalid_request", message);

    public static MatrixError InvalidScope(string message) => new(400, "invalid_scope", message);

    public static MatrixError InvalidRedirectUri(string message) => new(400, "invalid_redirect_uri", message);

    public static MatrixError InvalidClientMetadata(string message) => new(400, "invalid_client_metadata", message);

    public static MatrixError InvalidGrant { get; } =
        new(400, "invalid_grant", "The code or token is not known, was used, has expired, or is another client's.");

    public static MatrixError InvalidClient { get; } =
        new(401, "invalid_client", "No client with this id is registered.");

    public static MatrixError UnauthorizedClient { get; } =
        new(400, "unauthorized_client", "The client did not register for this.");

    public static MatrixError UnsupportedGrantType { get; } =
        new(400, "unsupported_grant_type", "This grant type is not supported.");

    public static MatrixError AuthorizationPending { get; } =
        new(400, "authorization_pending", "The user has not decided yet.");

    public static MatrixError SlowDown { get; } = new(400, "slow_down", "Ask less often.");

    public static MatrixError AccessDenied { get; } = new(400, "access_denied", "The user did not let the client in.");

    public static MatrixError ExpiredToken { get; } = new(400, "expired_token", "The device code has expired.");

    /// <summary>Whether it is to be written in OAuth's form.</summary>
    public static bool IsOAuth(MatrixError error) => !error.ErrCode.StartsWith("M_", StringComparison.Ordinal);
}
