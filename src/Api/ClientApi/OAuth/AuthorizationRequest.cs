using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>What a client asks for when it sends its user here.</summary>
/// <remarks>Spec: v1.19 client-server-api #authorisation-code-flow.</remarks>
internal sealed record AuthorizationRequest(string ClientId, ClientMetadata Client, string RedirectUri)
{
    /// <summary>LIMIT: characters of what the client gets back as it gave it. Ours: it stands in a URL.</summary>
    private const int StateLengthMax = 4_096;

    public string? State { get; private init; }

    public bool IsFragment { get; private init; }

    public OAuthScope Scope { get; private init; } = new(string.Empty, string.Empty);

    public string CodeChallenge { get; private init; } = string.Empty;

    public IReadOnlyList<string> Prompts { get; private init; } = [];

    /// <summary>
    /// The request; or what is wrong with it, to be told to the client where Request is there, and to the user alone
    /// where it is not: then nobody knows whose the redirect URI is.
    /// </summary>
    public static async ValueTask<(AuthorizationRequest? Request, MatrixError? Error)> ReadAsync(MatrixRequest request)
    {
        if (request.ReadQuery(out var query) is { } bad)
            return (null, bad);
        if (query.Find("client_id") is not { } clientId)
            return (null, OAuthErrors.InvalidRequest("client_id is missing."));
        if (await request.Get<OAuthClients>().FindAsync(clientId, request.ClientGone) is not { } client)
            return (null, OAuthErrors.InvalidClient with { Status = 400 });
        if (query.Find("redirect_uri") is not { } redirectUri)
            return (null, OAuthErrors.InvalidRequest("redirect_uri is missing."));
        if (!RedirectUris.IsRegistered(redirectUri, client))
            return (null, OAuthErrors.InvalidRequest("The client did not register this redirect_uri."));
        var read = new AuthorizationRequest(clientId, client, redirectUri)
        {
            State = query.Find("state"),
            IsFragment = query.Find("response_mode") == "fragment",
            Prompts = (query.Find("prompt") ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries),
            CodeChallenge = query.Find("code_challenge") ?? string.Empty,
        };
        var error = FindProblem(read, query);
        if (error is null && OAuthScope.TryRead(query.Find("scope"), out var scope) is { } wrong)
            return (read, wrong);
        else if (error is null)
            return (read with { Scope = ScopeOf(query) }, null);
        return (read, error);
    }

    private static OAuthScope ScopeOf(FormFields query)
    {
        OAuthScope.TryRead(query.Find("scope"), out var scope);
        return scope;
    }

    private static MatrixError? FindProblem(AuthorizationRequest read, FormFields query)
    {
        if (query.Find("request") is not null)
            return new MatrixError(400, "request_not_supported", "request is not supported.");
        if (query.Find("request_uri") is not null)
            return new MatrixError(400, "request_uri_not_supported", "request_uri is not supported.");
        if (query.Find("response_type") is not { } type)
            return OAuthErrors.InvalidRequest("response_type is missing.");
        if (type != "code")
            return new MatrixError(400, "unsupported_response_type", "response_type must be code.");
        if (!read.Client.ResponseTypes.Contains("code")
            || !read.Client.GrantTypes.Contains(ClientMetadata.AuthorizationCode))
            return OAuthErrors.UnauthorizedClient;
        if (query.Find("response_mode") is not (null or "query" or "fragment"))
            return OAuthErrors.InvalidRequest("response_mode is query or fragment.");
        if (read.State?.Length > StateLengthMax)
            return OAuthErrors.InvalidRequest($"state may be at most {StateLengthMax} characters long.");
        if (query.Find("code_challenge_method") != "S256")
            return OAuthErrors.InvalidRequest("code_challenge_method must be S256.");
        // 32 bytes in unpadded URL-safe base64.
        return read.CodeChallenge.Length == 43
            && read.CodeChallenge.All(one => char.IsAsciiLetterOrDigit(one) || one is '-' or '_')
                ? null
                : OAuthErrors.InvalidRequest("code_challenge is missing, or no SHA-256.");
    }

    /// <summary>Where the browser goes back to, with an answer.</summary>
    public string Callback(MatrixRequest request, params ReadOnlySpan<(string Name, string? Value)> answer)
    {
        var parameters = new List<string>();
        foreach (var (name, value) in answer)
        {
            if (value is not null)
                parameters.Add($"{name}={Uri.EscapeDataString(value)}");
        }
        if (State is not null)
            parameters.Add($"state={Uri.EscapeDataString(State)}");
        // RFC 9207.
        parameters.Add($"iss={Uri.EscapeDataString(OAuthPaths.Absolute(request, "/"))}");
        var separator = IsFragment ? '#' : RedirectUri.Contains('?') ? '&' : '?';
        return $"{RedirectUri}{separator}{string.Join('&', parameters)}";
    }

    public MatrixResponse Refuse(MatrixRequest request, MatrixError error) => request.RedirectTo(
        Callback(request, ("error", error.ErrCode), ("error_description", error.Message)));

    /// <summary>Where the form of the consent may lead, as CSP says it; null where it cannot say that.</summary>
    public string? FormTarget()
    {
        var colon = RedirectUri.IndexOf(':', StringComparison.Ordinal);
        var scheme = RedirectUri[..colon];
        if (scheme is not ("http" or "https"))
            return scheme + ":";
        var uri = new Uri(RedirectUri);
        // CSP knows no IPv6 addresses.
        return uri.HostNameType == UriHostNameType.IPv6 ? null : uri.GetLeftPart(UriPartial.Authority);
    }
}
