using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Matrix.EventSourced.Federation.IdentityProviders;

/// <summary>Believes ID tokens, or not.</summary>
/// <remarks>OpenID Connect Core 1.0, section 3.1.3.7. Signatures by a secret that is shared, and none at all, are not
/// taken.</remarks>
internal static class IdTokens
{
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>The claims of a token that is right, or what is wrong with it.</summary>
    public static async ValueTask<(JsonElement Claims, string? Problem)> ReadAsync(
        IdentityProvider provider,
        string token,
        string nonce,
        ProviderEndpoints endpoints,
        ProviderDocuments documents,
        TimeProvider time)
    {
        for (var attempt = 0; ; attempt++)
        {
            var (keys, problem) = await documents.KeysAsync(provider, endpoints, again: attempt > 0);
            if (problem is not null)
                return (default, problem);
            var result = await new JsonWebTokenHandler { MapInboundClaims = false }.ValidateTokenAsync(
                token, Parameters(provider, keys, time));
            if (result.IsValid)
                return Check(provider, (JsonWebToken)result.SecurityToken, nonce);
            // The provider may have new keys. What the library says then depends on what else it looks at.
            if (attempt == 0)
                continue;
            return (default, result.Exception.GetType().Name);
        }
    }

    private static TokenValidationParameters Parameters(
        IdentityProvider provider, IReadOnlyList<SecurityKey> keys, TimeProvider time) => new()
        {
            ValidIssuer = provider.Issuer,
            ValidAudience = provider.ClientId,
            IssuerSigningKeys = keys,
            ValidAlgorithms = Algorithms,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ValidateLifetime = true,
            LifetimeValidator = (notBefore, expires, _, _) =>
            {
                var now = time.GetUtcNow().UtcDateTime;
                return expires is not null && expires + ClockSkew > now && !(notBefore - ClockSkew > now);
            },
        };

    private static (JsonElement Claims, string? Problem) Check(
        IdentityProvider provider, JsonWebToken token, string nonce)
    {
        var claims = JsonElement.Parse(
            Base64UrlEncoder.DecodeBytes(token.EncodedPayload),
            new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        if (!CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(ReceivedJson.Text(claims, "nonce") ?? string.Empty), Encoding.UTF8.GetBytes(nonce)))
            return (default, "it was made for another login");
        var party = ReceivedJson.Text(claims, "azp");
        if ((party is not null || token.Audiences.Count() > 1) && party != provider.ClientId)
            return (default, "it was made for another client");
        return (claims, null);
    }
}
