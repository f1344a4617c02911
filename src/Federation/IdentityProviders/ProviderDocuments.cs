using System.Collections.Concurrent;
using System.Text.Json;
using System.Runtime.InteropServices;
using System.Text;
using Matrix.EventSourced.Federation.Transport;
using Microsoft.IdentityModel.Tokens;

namespace Matrix.EventSourced.Federation.IdentityProviders;

/// <summary>Where a provider is asked.</summary>
internal sealed record ProviderEndpoints(Uri Authorization, Uri Token, Uri? Userinfo, Uri? Jwks);

/// <summary>Discovery documents and keys of providers, remembered for a while.</summary>
/// <remarks>Discovery 1.0, section 4. LIMIT: there are as many as the administrator has made files.</remarks>
internal sealed class ProviderDocuments(ProviderHttp http, TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>How soon keys are fetched again because a token names one that is not known.</summary>
    private static readonly TimeSpan KeysPause = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, (ProviderEndpoints Endpoints, long AtMs)> _endpoints = new();
    private readonly ConcurrentDictionary<string, (IReadOnlyList<SecurityKey> Keys, long AtMs)> _keys = new();

    public async ValueTask<(ProviderEndpoints? Endpoints, string? Problem)> EndpointsAsync(IdentityProvider provider)
    {
        if (_endpoints.TryGetValue(provider.Id, out var known) && IsYoung(known.AtMs, Lifetime))
            return (known.Endpoints, null);
        var document = default(JsonElement);
        var needsDiscovery = provider.Issuer is not null && (provider.AuthorizationEndpoint is null
            || provider.TokenEndpoint is null || provider.JwksUri is null);
        if (needsDiscovery)
        {
            var address = new Uri(provider.Issuer!.TrimEnd('/') + "/.well-known/openid-configuration");
            (document, var problem) = await http.SendAsync(HttpMethod.Get, address);
            if (problem is not null)
                return (null, $"{address}: {problem}");
            if (ReceivedJson.Text(document, "issuer") != provider.Issuer)
                return (null, $"{address} is of another issuer: {ReceivedJson.Text(document, "issuer")}");
        }
        var authorization = provider.AuthorizationEndpoint ?? Endpoint(document, "authorization_endpoint");
        var token = provider.TokenEndpoint ?? Endpoint(document, "token_endpoint");
        if (authorization is null || token is null)
            return (null, "its discovery document has no https:// endpoints");
        var endpoints = new ProviderEndpoints(
            authorization,
            token,
            provider.UserinfoEndpoint ?? Endpoint(document, "userinfo_endpoint"),
            provider.JwksUri ?? Endpoint(document, "jwks_uri"));
        _endpoints[provider.Id] = (endpoints, NowMs());
        return (endpoints, null);
    }

    /// <summary>The provider's keys; fetched again where those that are known did not do.</summary>
    public async ValueTask<(IReadOnlyList<SecurityKey> Keys, string? Problem)> KeysAsync(
        IdentityProvider provider, ProviderEndpoints endpoints, bool again)
    {
        if (_keys.TryGetValue(provider.Id, out var known) && IsYoung(known.AtMs, again ? KeysPause : Lifetime))
            return (known.Keys, null);
        if (endpoints.Jwks is not { } address)
            return ([], "the provider says not where its keys are");
        var (document, problem) = await http.SendAsync(HttpMethod.Get, address);
        if (problem is not null)
            return ([], $"{address}: {problem}");
        try
        {
            var text = Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(document));
            var keys = new JsonWebKeySet(text).GetSigningKeys().ToList();
            _keys[provider.Id] = (keys, NowMs());
            return (keys, null);
        }
        catch (ArgumentException)
        {
            return ([], $"{address} holds no keys");
        }
    }

    private static Uri? Endpoint(JsonElement document, string name) =>
        document.ValueKind == JsonValueKind.Object && ReceivedJson.Text(document, name) is { } text
        && IsAllowed(text, out var uri) ? uri : null;

    /// <summary>https://; on this very machine, for trying things out, http:// too.</summary>
    internal static bool IsAllowed(string text, out Uri uri)
    {
        var isUri = Uri.TryCreate(text, UriKind.Absolute, out var parsed);
        uri = parsed!;
        return isUri
            && (parsed!.Scheme == Uri.UriSchemeHttps || (parsed.Scheme == Uri.UriSchemeHttp && parsed.IsLoopback))
            && parsed.UserInfo.Length == 0 && parsed.Fragment.Length == 0;
    }

    private bool IsYoung(long atMs, TimeSpan age) => NowMs() - atMs < (long)age.TotalMilliseconds;

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}

/// <summary>Addresses of providers as the administrator writes them.</summary>
public static class ProviderAddresses
{
    /// <summary>Whether a provider may be asked there: by https://, or on this very machine.</summary>
    public static bool IsAllowed(string text, out Uri uri) => ProviderDocuments.IsAllowed(text, out uri);
}
