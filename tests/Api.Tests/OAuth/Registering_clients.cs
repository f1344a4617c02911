using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.OAuth;

public sealed class Registering_clients
{
    [Fact]
    public async Task what_is_not_known_is_left_out_and_the_same_gets_the_same_id()
    {
        await using var server = await OAuthServer.StartAsync();
        var one = await server.RegisterClientAsync();
        Assert.Equal(
            ["authorization_code", "refresh_token", OAuthServer.DeviceGrant],
            one.GetProperty("grant_types").EnumerateArray().Select(grant => grant.GetString()));
        Assert.Equal("Test <App>", one.Text("client_name"));
        Assert.Equal("none", one.Text("token_endpoint_auth_method"));
        Assert.Equal(server.ClientId, one.Text("client_id"));
        var other = await server.RegisterClientAsync($$"""
            {"client_uri":"https://example.com/","redirect_uris":["{{OAuthServer.Callback}}"],"client_name#fr":"Ah","x":1}
            """);
        Assert.NotEqual(server.ClientId, other.Text("client_id"));
        Assert.Equal("web", other.Text("application_type"));
        Assert.False(other.TryGetProperty("client_name", out _));
    }

    [Theory]
    [InlineData("web", "https://example.com/callback")]
    [InlineData("web", "https://app.example.com/callback")]
    [InlineData("web", "https://example.com:5173/?query=value")]
    [InlineData("native", "com.example.app:/callback")]
    [InlineData("native", "com.example:/")]
    [InlineData("native", "com.example:callback")]
    [InlineData("native", "http://localhost/callback")]
    [InlineData("native", "http://127.0.0.1/callback")]
    [InlineData("native", "http://[::1]/callback")]
    [InlineData("native", "https://example.com/callback")]
    public async Task redirect_uris_of_the_client_are_taken(string type, string uri)
    {
        await using var server = await OAuthServer.StartAsync();
        var registered = await server.RegisterClientAsync(Metadata(type, uri));
        Assert.Equal(uri, registered.GetProperty("redirect_uris")[0].GetString());
    }

    [Theory]
    [InlineData("web", "https://example.com/callback#fragment")]
    [InlineData("web", "http://example.com/callback")]
    [InlineData("web", "http://localhost/")]
    [InlineData("web", "com.example.app:/callback")]
    [InlineData("web", "https://evil.com/")]
    [InlineData("web", "https://evilexample.com/")]
    [InlineData("web", "https://example.com.evil.com/")]
    [InlineData("web", "https://user:password@example.com/")]
    [InlineData("web", "https://@example.com/")]
    [InlineData("web", "https://evil.com\\@example.com/")]
    [InlineData("web", "https://example.com/ x")]
    [InlineData("web", "/callback")]
    [InlineData("web", "")]
    [InlineData("native", "example:/callback")]
    [InlineData("native", "com.example.app://callback")]
    [InlineData("native", "com.examples:/callback")]
    [InlineData("native", "javascript:alert(1)")]
    [InlineData("native", "https://localhost/callback")]
    [InlineData("native", "http://localhost:1234/callback")]
    [InlineData("native", "http://localhost.evil.com/callback")]
    [InlineData("native", "http://127.0.0.1@evil.com/callback")]
    [InlineData("native", "http://10.0.0.1/callback")]
    public async Task other_redirect_uris_are_refused(string type, string uri)
    {
        await using var server = await OAuthServer.StartAsync();
        await RefusedAsync(server, Metadata(type, uri), "invalid_redirect_uri");
    }

    [Theory]
    [InlineData("""{"redirect_uris":["https://example.com/"]}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"http://example.com/"}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"https://a:b@example.com/"}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":7}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"https://example.com/"}""", "invalid_redirect_uri")]
    [InlineData("""{"client_uri":"https://example.com/","redirect_uris":"https://example.com/"}""", "invalid_redirect_uri")]
    [InlineData("""{"client_uri":"https://example.com/","redirect_uris":[7]}""", "invalid_redirect_uri")]
    [InlineData("""{"client_uri":"https://example.com/","grant_types":[],"logo_uri":"https://evil.com/"}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"https://example.com/","grant_types":[],"tos_uri":"javascript:1"}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"https://example.com/","grant_types":{}}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"https://example.com/","grant_types":[],"application_type":"car"}""", "invalid_client_metadata")]
    [InlineData("""{"client_uri":"https://example.com/","grant_types":[],"token_endpoint_auth_method":"client_secret_basic"}""", "invalid_client_metadata")]
    // A scheme that browsers know must not come of a host without a dot.
    [InlineData("""{"client_uri":"https://javascript/","application_type":"native","redirect_uris":["javascript:alert(1)"]}""", "invalid_redirect_uri")]
    [InlineData("[]", "invalid_client_metadata")]
    [InlineData("no", "invalid_client_metadata")]
    public async Task other_metadata_is_refused(string metadata, string error)
    {
        await using var server = await OAuthServer.StartAsync();
        await RefusedAsync(server, metadata, error);
    }

    [Fact]
    public async Task a_server_without_the_api_says_so()
    {
        await using var server = await TestHomeserver.StartAsync();
        (await server.SendAsync("GET", "/_matrix/client/v1/auth_metadata")).Refused(404, ErrCodes.Unrecognized);
        (await server.SendAsync("POST", "/_matrix/oauth2/clients", null, "{}")).Refused(404, ErrCodes.Unrecognized);
        Assert.Equal(404, (await server.SendAsync("GET", "/_matrix/oauth2/login")).Status);
    }

    [Fact]
    public async Task the_metadata_says_where_everything_is()
    {
        await using var server = await OAuthServer.StartAsync(config => config with { PublicBaseUrl = "https://hs.test" });
        var metadata = (await server.Server.SendAsync("GET", "/_matrix/client/v1/auth_metadata")).Ok();
        Assert.Equal("https://hs.test/", metadata.Text("issuer"));
        Assert.Equal("https://hs.test/_matrix/oauth2/authorize", metadata.Text("authorization_endpoint"));
        Assert.Equal("create", metadata.GetProperty("prompt_values_supported")[0].GetString());
        foreach (var path in new[] { "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata", "/.well-known/openid-configuration" })
            Assert.True(JsonElement.DeepEquals(metadata, (await server.Server.SendAsync("GET", path)).Ok()));
    }

    [Theory]
    [InlineData("https://hs.test", "auto", OAuthMode.On)]
    [InlineData("http://hs.test", "auto", OAuthMode.Off)]
    [InlineData("http://hs.test", "true", OAuthMode.On)]
    [InlineData("https://hs.test", "false", OAuthMode.Off)]
    public void auto_goes_by_the_address(string url, string setting, OAuthMode mode)
    {
        var read = ConfigLoader.Load(
            ["--public-base-url", url, "--oauth-enabled", setting], new System.Collections.Hashtable(), "/tmp");
        Assert.Equal(mode, read.Config!.OAuth.Mode);
    }

    private static string Metadata(string type, string uri) => $$"""
        {"client_uri":"https://example.com/","application_type":"{{type}}","redirect_uris":["{{JsonEncodedText.Encode(uri)}}"]}
        """;

    private static async Task RefusedAsync(OAuthServer server, string metadata, string error)
    {
        using var content = new StringContent(metadata);
        (await server.PostAsync("clients", content)).Refused(400, error);
    }
}
