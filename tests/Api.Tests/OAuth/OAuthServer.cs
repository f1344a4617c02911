using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

/// <summary>A homeserver with the OAuth API, a client of it, and what both do.</summary>
internal sealed class OAuthServer : IAsyncDisposable
{
    public const string Callback = "https://app.example.com/callback";
    public const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk-more-than-43";
    public const string DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

    private OAuthServer(TestHomeserver server, FakeTimeProvider? time) => (Server, Time) = (server, time);

    public TestHomeserver Server { get; }

    public FakeTimeProvider? Time { get; }

    public string ClientId { get; private set; } = string.Empty;

    public static async Task<OAuthServer> StartAsync(
        Func<HomeserverConfig, HomeserverConfig>? configure = null, FakeTimeProvider? time = null)
    {
        var server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = time,
            IsLogInMemory = time is not null,
            Configure = config =>
            {
                var on = config with { OAuth = config.OAuth with { Mode = OAuthMode.On } };
                return configure is null ? on : configure(on);
            },
        });
        var started = new OAuthServer(server, time);
        started.ClientId = (await started.RegisterClientAsync()).Text("client_id");
        return started;
    }

    public TestBrowser NewBrowser() => new(() => Server.Address);

    public async Task<JsonElement> RegisterClientAsync(string? metadata = null)
    {
        var reply = await Server.SendAsync("POST", "/_matrix/oauth2/clients", null, metadata ?? $$"""
            {"client_name":"Test <App>","client_uri":"https://example.com/","redirect_uris":["{{Callback}}"],
            "token_endpoint_auth_method":"none","response_types":["code"],"application_type":"web",
            "grant_types":["authorization_code","refresh_token","{{DeviceGrant}}","made_up"]}
            """);
        Assert.True(reply.Status == 201, reply.Text);
        return reply.Json;
    }

    /// <summary>The path of an authorisation request; what is given replaces parameters, null leaves them out.</summary>
    public string Request(params (string Name, string? Value)[] changes)
    {
        var parameters = new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["response_mode"] = "fragment",
            ["client_id"] = ClientId,
            ["redirect_uri"] = Callback,
            ["scope"] = "openid urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCDDD",
            ["state"] = "ewu b&oN9",
            ["code_challenge"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier))),
            ["code_challenge_method"] = "S256",
        };
        foreach (var (name, value) in changes)
            parameters[name] = value;
        return "/_matrix/oauth2/authorize?" + string.Join('&', parameters.Where(one => one.Value is not null)
            .Select(one => $"{one.Key}={Uri.EscapeDataString(one.Value!)}"));
    }

    /// <summary>Logs in on the page that a request leads to.</summary>
    public static async Task<ShownPage> LogInAsync(
        TestBrowser browser, string path, string user = "alice", string password = "secret")
    {
        var login = await browser.VisitAsync(path);
        login.Is(200, "<h1>Log in</h1>");
        var after = await browser.SubmitAsync(login, ("user", user), ("password", password));
        Assert.Equal(303, after.Status);
        return await browser.VisitAsync(after.Location!);
    }

    /// <summary>The code that a client gets once a user has logged in and allowed it.</summary>
    public async Task<string> CodeAsync(
        TestBrowser? browser = null, string deviceId = "AAABBBCCCDDD", string user = "alice")
    {
        using var own = browser is null ? NewBrowser() : null;
        var consent = await LogInAsync(
            browser ?? own!,
            Request(("scope", $"urn:matrix:client:api:* urn:matrix:client:device:{deviceId}")),
            user);
        var back = await (browser ?? own!).SubmitAsync(consent, ("decision", "allow"));
        Assert.Equal(303, back.Status);
        return back.Answer("code")!;
    }

    public Task<OAuthReply> ExchangeAsync(string code, string? clientId = null, string redirectUri = Callback,
        string verifier = Verifier) => TokenAsync(
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", clientId ?? ClientId),
            ("redirect_uri", redirectUri),
            ("code_verifier", verifier));

    public Task<OAuthReply> RefreshAsync(string refreshToken, string? clientId = null) => TokenAsync(
        ("grant_type", "refresh_token"), ("refresh_token", refreshToken), ("client_id", clientId ?? ClientId));

    public Task<OAuthReply> TokenAsync(params (string Name, string Value)[] fields) => PostAsync("token", fields);

    public async Task<OAuthReply> PostAsync(string endpoint, params (string Name, string Value)[] fields)
    {
        using var content = new FormUrlEncodedContent(
            fields.Select(field => new KeyValuePair<string, string>(field.Name, field.Value)));
        return await PostAsync(endpoint, content);
    }

    public async Task<OAuthReply> PostAsync(string endpoint, HttpContent content)
    {
        using var client = new HttpClient();
        using var response = await client.PostAsync(
            new Uri(Server.Address, "/_matrix/oauth2/" + endpoint), content);
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        return new OAuthReply((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>A whole login.</summary>
    public async Task<OAuthReply> SessionAsync(string deviceId = "AAABBBCCCDDD", string user = "alice")
    {
        var session = await ExchangeAsync(await CodeAsync(deviceId: deviceId, user: user));
        Assert.True(session.Status == 200, session.Text);
        return session;
    }

    /// <summary>Whose a token is; null for one that opens nothing.</summary>
    public async Task<string?> WhoAsync(string token)
    {
        var reply = await Server.SendAsync("GET", "account/whoami", token);
        return reply.Status == 200 ? $"{reply.Json.Text("user_id")} {reply.Json.Text("device_id")}" : null;
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>What an endpoint of OAuth answered.</summary>
internal sealed record OAuthReply(int Status, string Text)
{
    public JsonElement Json => JsonElement.Parse(Encoding.UTF8.GetBytes(Text));

    public string AccessToken => Json.Text("access_token");

    public string RefreshToken => Json.Text("refresh_token");

    public void Refused(int status, string error) => Assert.Equal(
        (status, error), (Status, Json.TryGetProperty("error", out var value) ? value.GetString() : Text));
}
