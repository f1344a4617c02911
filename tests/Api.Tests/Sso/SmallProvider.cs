using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Matrix.EventSourced.Api.Tests.Sso;

/// <summary>An OpenID Connect provider that lets everybody in as whom the test says, and lies where the test wants.</summary>
internal sealed class SmallProvider : IAsyncDisposable
{
    private readonly WebApplication _app;
    private RSA _key = RSA.Create(2048);

    private SmallProvider(WebApplication app) => _app = app;

    public string Issuer => _app.Urls.First();

    public string KeyId { get; private set; } = "one";

    /// <summary>Who logs in next: claims of the ID token beside those that every one has.</summary>
    public JsonObject Claims { get; set; } = new() { ["sub"] = "248289", ["preferred_username"] = "carol", ["name"] = "Carol <C>" };

    /// <summary>What userinfo says; null says what the ID token does.</summary>
    public JsonObject? Userinfo { get; set; }

    /// <summary>Changes the ID token before it is signed.</summary>
    public Action<JsonObject, JsonObject> Change { get; set; } = static (_, _) => { };

    /// <summary>Makes the whole ID token; null for the usual one.</summary>
    public Func<string, string?>? Replace { get; set; }

    public int TokenStatus { get; set; } = 200;

    public List<string> Problems { get; } = [];

    private string? Nonce { get; set; }

    private string? Challenge { get; set; }

    public static async Task<SmallProvider> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var provider = new SmallProvider(app);
        app.Run(provider.AnswerAsync);
        await app.StartAsync();
        return provider;
    }

    /// <summary>What a browser does at the provider: it comes back with a code.</summary>
    public string Approve(string location)
    {
        Assert.StartsWith(Issuer + "/authorize?", location, StringComparison.Ordinal);
        var query = QueryHelpers.ParseQuery(new Uri(location).Query);
        Assert.Equal(
            "code matrix S256", $"{query["response_type"]} {query["client_id"]} {query["code_challenge_method"]}");
        Nonce = query.TryGetValue("nonce", out var nonce) ? nonce.ToString() : null;
        Challenge = query["code_challenge"];
        return new Uri(query["redirect_uri"]!).PathAndQuery + $"?code=secret&state={query["state"]}";
    }

    public void ChangeKey(string keyId) => (_key, KeyId) = (RSA.Create(2048), keyId);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        JsonNode answer = http.Request.Path.Value switch
        {
            "/.well-known/openid-configuration" => new JsonObject
            {
                ["issuer"] = Issuer,
                ["authorization_endpoint"] = Issuer + "/authorize",
                ["token_endpoint"] = Issuer + "/token",
                ["userinfo_endpoint"] = Issuer + "/userinfo",
                ["jwks_uri"] = Issuer + "/keys",
            },
            "/keys" => new JsonObject { ["keys"] = new JsonArray(Jwk()) },
            "/token" => await TokenAsync(http),
            "/userinfo" => (Userinfo ?? Claims).DeepClone(),
            _ => new JsonObject { ["error"] = "unknown" },
        };
        if (http.Request.Path == "/token")
            http.Response.StatusCode = TokenStatus;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(answer.ToJsonString());
    }

    private async Task<JsonNode> TokenAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        if (challenge != Challenge)
            Problems.Add("verifier");
        if (http.Request.Headers.Authorization != "Basic " + Convert.ToBase64String("matrix:shh%26"u8))
            Problems.Add("client");
        if (form["code"] != "secret" || form["grant_type"] != "authorization_code")
            Problems.Add("code");
        var token = IdToken();
        return new JsonObject
        {
            ["access_token"] = "opaque",
            ["token_type"] = "Bearer",
            ["id_token"] = Replace is null ? token : Replace(token),
        };
    }

    private string IdToken()
    {
        var header = new JsonObject { ["alg"] = "RS256", ["kid"] = KeyId };
        var claims = (JsonObject)Claims.DeepClone();
        claims["iss"] = Issuer;
        claims["aud"] = "matrix";
        claims["exp"] = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 300;
        claims["iat"] = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        claims["nonce"] = Nonce;
        Change(header, claims);
        var text = $"{Encode(header)}.{Encode(claims)}";
        var signature = _key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    private JsonObject Jwk()
    {
        var parameters = _key.ExportParameters(false);
        return new JsonObject
        {
            ["kty"] = "RSA",
            ["use"] = "sig",
            ["kid"] = KeyId,
            ["n"] = Base64Url.EncodeToString(parameters.Modulus),
            ["e"] = Base64Url.EncodeToString(parameters.Exponent),
        };
    }

    private static string Encode(JsonObject json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString()));
}
