using System.Net.Http.Headers;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;

namespace Matrix.EventSourced.Federation.IdentityProviders;

/// <summary>Asks OpenID Connect providers who somebody is.</summary>
/// <remarks>
/// Shape: authorisation code flow with PKCE, state and nonce. An ID token is believed once its signature, issuer,
/// audience,
/// time and nonce are right (<see cref="IdTokens"/>); what it does not say is asked of the userinfo endpoint.
/// Errors: a problem in words, for the log; nothing of it is for the user.
/// </remarks>
public sealed class OidcClient(FederationHttp http, FederationOptions options, TimeProvider time)
{
    private readonly ProviderHttp _http = new(http, options, time);
    private readonly ProviderDocuments _documents = new(new ProviderHttp(http, options, time), time);

    /// <summary>Where the browser is sent.</summary>
    public async ValueTask<(string? Address, string? Problem)> AuthorizationAddressAsync(
        IdentityProvider provider, string redirectUri, string state, string nonce, string challenge, bool asksAgain)
    {
        var (endpoints, problem) = await _documents.EndpointsAsync(provider);
        if (endpoints is null)
            return (null, problem);
        var parameters = new Dictionary<string, string>
        {
            ["response_type"] = "code",
            ["client_id"] = provider.ClientId,
            ["redirect_uri"] = redirectUri,
            ["scope"] = string.Join(' ', provider.Scopes),
            ["state"] = state,
            ["code_challenge"] = challenge,
            ["code_challenge_method"] = "S256",
        };
        if (provider.Issuer is not null)
            parameters["nonce"] = nonce;
        if (asksAgain)
            parameters["prompt"] = "login";
        var address = endpoints.Authorization.AbsoluteUri;
        return (address + (address.Contains('?') ? '&' : '?') + string.Join(
            '&', parameters.Select(one => $"{one.Key}={Uri.EscapeDataString(one.Value)}")), null);
    }

    /// <summary>Who came back with a code.</summary>
    public async ValueTask<(UpstreamIdentity? Identity, string? Problem)> RedeemAsync(
        IdentityProvider provider, string code, string redirectUri, string verifier, string nonce)
    {
        var (endpoints, problem) = await _documents.EndpointsAsync(provider);
        if (endpoints is null)
            return (null, problem);
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = redirectUri,
            ["code_verifier"] = verifier,
        };
        AuthenticationHeaderValue? authorization = null;
        if (provider is { Authentication: ClientAuthentication.Basic, ClientSecret: { } secret })
            authorization = ProviderHttp.Basic(provider.ClientId, secret);
        else
            form["client_id"] = provider.ClientId;
        if (provider is { Authentication: ClientAuthentication.Post, ClientSecret: { } posted })
            form["client_secret"] = posted;
        (var tokens, problem) = await _http.SendAsync(HttpMethod.Post, endpoints.Token, form, authorization);
        if (problem is not null)
            return (null, $"token endpoint: {problem}");
        var accessToken = ReceivedJson.Text(tokens, "access_token");
        return provider.Issuer is null
            ? await ByUserinfoAsync(provider, endpoints, accessToken)
            : await ByIdTokenAsync(provider, endpoints, ReceivedJson.Text(tokens, "id_token"), accessToken, nonce);
    }

    private async ValueTask<(UpstreamIdentity? Identity, string? Problem)> ByIdTokenAsync(
        IdentityProvider provider, ProviderEndpoints endpoints, string? idToken, string? accessToken, string nonce)
    {
        if (idToken is null)
            return (null, "it sent no ID token");
        var (claims, problem) = await IdTokens.ReadAsync(provider, idToken, nonce, endpoints, _documents, time);
        if (problem is not null)
            return (null, $"ID token: {problem}");
        var identity = Identity(provider, claims);
        if (identity is null)
            return (null, $"the ID token has no {provider.SubjectClaim}");
        if ((identity.Localpart is not null && identity.DisplayName is not null)
            || endpoints.Userinfo is null || accessToken is null)
            return (identity, null);
        var (userinfo, failure) = await UserinfoAsync(endpoints.Userinfo, accessToken);
        // Core 1.0, section 5.3.2: what is about somebody else is not used. What cannot be had is done without.
        if (failure is not null || ReceivedJson.Text(userinfo, "sub") != ReceivedJson.Text(claims, "sub"))
            return (identity, null);
        return (identity with
        {
            Localpart = identity.Localpart ?? ReceivedJson.Text(userinfo, provider.LocalpartClaim),
            DisplayName = identity.DisplayName ?? ReceivedJson.Text(userinfo, provider.DisplayNameClaim),
        }, null);
    }

    private async ValueTask<(UpstreamIdentity? Identity, string? Problem)> ByUserinfoAsync(
        IdentityProvider provider, ProviderEndpoints endpoints, string? accessToken)
    {
        if (accessToken is null || endpoints.Userinfo is null)
            return (null, "it sent no access token");
        var (userinfo, problem) = await UserinfoAsync(endpoints.Userinfo, accessToken);
        if (problem is not null)
            return (null, $"userinfo endpoint: {problem}");
        return Identity(provider, userinfo) is { } identity
            ? (identity, null)
            : (null, $"userinfo has no {provider.SubjectClaim}");
    }

    private ValueTask<(JsonElement Body, string? Problem)> UserinfoAsync(Uri endpoint, string accessToken) =>
        accessToken.All(one => one is > ' ' and <= '~')
            ? _http.SendAsync(
                HttpMethod.Get, endpoint, form: null, new AuthenticationHeaderValue("Bearer", accessToken))
            : new((default, "its access token is none"));

    private static UpstreamIdentity? Identity(IdentityProvider provider, JsonElement claims) =>
        Claim(claims, provider.SubjectClaim) is { Length: > 0 and <= 512 } subject
            ? new UpstreamIdentity(
                subject,
                ReceivedJson.Text(claims, provider.LocalpartClaim),
                ReceivedJson.Text(claims, provider.DisplayNameClaim))
            : null;

    /// <summary>A subject; some providers have numbers.</summary>
    private static string? Claim(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetRawText()
            : ReceivedJson.Text(claims, name);
}
