using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Tests.OAuth;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sso;

/// <summary>A homeserver with one identity provider.</summary>
internal sealed class SsoServer : IAsyncDisposable
{
    public const string Client = "https://client.example.org/";

    private readonly string _folder = Directory.CreateTempSubdirectory("mes-sso-").FullName;

    private SsoServer(SmallProvider provider) => Provider = provider;

    public SmallProvider Provider { get; }

    public string Folder => _folder;

    public TestHomeserver Server { get; private set; } = null!;

    public static async Task<SsoServer> StartAsync(
        string more = "",
        OAuthMode oauth = OAuthMode.Off,
        IReadOnlyList<string>? known = null,
        TimeProvider? time = null)
    {
        var server = new SsoServer(await SmallProvider.StartAsync());
        await File.WriteAllTextAsync(
            Path.Combine(server._folder, "one.yaml"),
            $"""
            id: example
            name: "Ex & Co"
            brand: example
            issuer: {server.Provider.Issuer}
            client_id: matrix
            client_secret: "shh&"
            {more}
            """);
        server.Server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = time,
            Configure = config => config with
            {
                OAuth = new OAuthConfig { Mode = oauth, ProviderFolder = server._folder, KnownClients = known ?? [] },
                Federation = config.Federation with { AllowPrivateAddresses = true },
            },
        });
        return server;
    }

    public TestBrowser NewBrowser() => new(() => Server.Address);

    public static string Redirect(string client = Client + "?a=1&loginToken=old#top", string? provider = "example") =>
        $"/_matrix/client/v3/login/sso/redirect{(provider is null ? "" : "/" + provider)}?redirectUrl={Uri.EscapeDataString(client)}";

    /// <summary>To the provider and back, as far as this server leads.</summary>
    public async Task<ShownPage> ComeBackAsync(TestBrowser browser, string path)
    {
        var away = await browser.VisitAsync(path);
        Assert.Equal(302, away.Status);
        return await browser.VisitAsync(Provider.Approve(away.Location!));
    }

    /// <summary>A whole login of a client.</summary>
    public async Task<TestUser> LogInAsync(TestBrowser? browser = null)
    {
        using var own = browser is null ? NewBrowser() : null;
        var page = (await ComeBackAsync(browser ?? own!, Redirect())).Is(200, "Go on to your app?");
        return await UseAsync((await (browser ?? own!).SubmitAsync(page)).Answer("loginToken")!);
    }

    public async Task<TestUser> UseAsync(string loginToken)
    {
        var session = (await Server.SendAsync(
            "POST", "login", null, $$"""{"type":"m.login.token","token":"{{loginToken}}"}""")).Ok();
        return new TestUser(Server, session.Text("user_id"), session.Text("access_token"), session.Text("device_id"));
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Provider.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
