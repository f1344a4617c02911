using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.AppService;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.AppService;

/// <summary>A homeserver with one application service, <c>irc</c>: users <c>@_irc_.*</c> and aliases <c>#_irc_.*</c>
/// are its own.</summary>
internal sealed class BridgedServer : IAsyncDisposable
{
    public const string AsToken = "as-secret";
    public const string HsToken = "hs-secret";

    private readonly string _folder = Directory.CreateTempSubdirectory("mes-bridge-").FullName;

    public TestHomeserver Server { get; private set; } = null!;

    public TestAppservice Service { get; private set; } = null!;

    /// <summary>Its own user.</summary>
    public TestUser Bot => new(Server, "@_irc_bot:hs", AsToken, string.Empty);

    /// <param name="extra">Further lines of the registration.</param>
    /// <param name="url">Where the service is; its real address when null.</param>
    /// <param name="time">The clock of the server.</param>
    /// <param name="other">Where a second service is, which watches all rooms; none when null.</param>
    /// <param name="isRateLimited">Whether requests are counted, one a second of each kind.</param>
    public static async Task<BridgedServer> StartAsync(
        string extra = "",
        string? url = null,
        FakeTimeProvider? time = null,
        string? other = null,
        bool isRateLimited = false)
    {
        var world = new BridgedServer { Service = await TestAppservice.StartAsync() };
        var file = Path.Combine(world._folder, "irc.yaml");
        await File.WriteAllTextAsync(file, Registration(url ?? world.Service.Url, extra));
        List<string> files = [file];
        if (other is not null)
        {
            files.Add(Path.Combine(world._folder, "other.yaml"));
            await File.WriteAllTextAsync(files[1], Watcher(other));
        }
        world.Server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = time,
            Configure = config => config with
            {
                AppserviceFiles = files,
                RateLimits = isRateLimited ? OneASecond : config.RateLimits,
            },
        });
        return world;
    }

    private static RateLimits OneASecond { get; } = new(
        true, Enum.GetValues<RateClass>().ToDictionary(rate => rate, _ => new RateLimit(1, 1)));

    /// <summary>Waits until the log says that its services took all there is.</summary>
    public static async Task AllIsDeliveredAsync(TestHomeserver server)
    {
        var queries = server.Services.GetRequiredService<AppserviceQueries>();
        while ((await queries.StatusAsync(CancellationToken.None)).Any(status => status.EventsWaiting > 0))
        {
        }
    }

    private static string Watcher(string url) => $$"""
        id: watcher
        url: {{url}}
        as_token: as-watcher
        hs_token: hs-watcher
        sender_localpart: watcher
        namespaces:
          rooms:
            - exclusive: false
              regex: "!.*"
        """;

    public static string Registration(string url, string extra = "") => $$"""
        id: irc
        url: {{url}}
        as_token: {{AsToken}}
        hs_token: {{HsToken}}
        sender_localpart: _irc_bot
        {{extra}}
        namespaces:
          users:
            - exclusive: true
              regex: "@_irc_.*"
          aliases:
            - exclusive: true
              regex: "#_irc_.*"
        """;

    /// <summary>Registers a user of the bridge, and acts as them.</summary>
    public async Task<Ghost> RegisterGhostAsync(string name)
    {
        (await Server.SendAsync(
            "POST",
            "register",
            AsToken,
            $$"""{"type":"m.login.application_service","username":"{{name}}","inhibit_login":true}""")).Ok();
        return new Ghost(Server, $"@{name}:hs");
    }

    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
            await Server.DisposeAsync();
        await Service.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>A user of the bridge: every request says who acts.</summary>
internal sealed class Ghost(TestHomeserver server, string userId)
{
    public string UserId => userId;

    public Task<Reply> SendAsync(string method, string path, string? body = null) => server.SendAsync(
        method,
        $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}user_id={Uri.EscapeDataString(userId)}",
        BridgedServer.AsToken,
        body);

    public async Task JoinAsync(string room) =>
        (await SendAsync("POST", $"join/{Uri.EscapeDataString(room)}", "{}")).Ok();

    public async Task<string> SendTextAsync(string room, string text, string transaction, string query = "") =>
        (await SendAsync(
            "PUT",
            $"rooms/{Uri.EscapeDataString(room)}/send/m.room.message/{transaction}{query}",
            $$"""{"msgtype":"m.text","body":"{{text}}"}""")).Ok().Text("event_id");
}
