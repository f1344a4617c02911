using System.Collections;
using System.Net.Http.Headers;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.Kit.Hosting;

/// <summary>The real host in the test's process: a folder, a log, a database and a port of its own.</summary>
/// <remarks>Ensures: disposing it removes all of that.</remarks>
public sealed class TestHomeserver : IAsyncDisposable
{
    public const string SharedSecret = "shared";

    private readonly TestHomeserverOptions _options;
    private readonly string _folder = Directory.CreateTempSubdirectory("mes-host-").FullName;
    private readonly IEventStore? _memoryLog;
    private readonly HttpClient _client = new();
    private TestDatabase? _database;
    private Homeserver? _homeserver;

    private TestHomeserver(TestHomeserverOptions options)
    {
        _options = options;
        if (options.IsLogInMemory)
            _memoryLog = new InMemoryEventStore(options.Time ?? TimeProvider.System);
    }

    /// <summary>Where its client API is.</summary>
    public Uri Address => new(Running.ClientAddresses[0]);

    public IServiceProvider Services => Running.Services;

    public string DataFolder => Path.Combine(_folder, "data");

    public Homeserver Running => _homeserver ?? throw new InvalidOperationException("The server is stopped.");

    public static async Task<TestHomeserver> StartAsync(TestHomeserverOptions? options = null)
    {
        var server = new TestHomeserver(options ?? new TestHomeserverOptions());
        try
        {
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops it in order; the log, the folder and the database stay.</summary>
    public async Task StopAsync()
    {
        if (_homeserver is not null)
            await _homeserver.DisposeAsync();
        _homeserver = null;
    }

    /// <summary>Starts it over what it left behind, on another port.</summary>
    public async Task StartAgainAsync()
    {
        _database ??= await PostgresKit.CreateDatabaseAsync();
        _homeserver = await Homeserver.StartAsync(
            Config(),
            new HomeserverParts
            {
                Time = _options.Time,
                EventStore = _memoryLog,
                Database = _database.DataSource,
                Logging = _options.Logging ?? NullLoggerFactory.Instance,
                Services = _options.Services,
            });
    }

    /// <summary>Opens what it left behind without serving, as the program's commands do. Requires: it is
    /// stopped.</summary>
    public Task<StoppedHomeserver> OpenStoppedAsync() => StoppedHomeserver.OpenAsync(
        Config(),
        new HomeserverParts
        {
            Time = _options.Time,
            EventStore = _memoryLog,
            Database = Database.DataSource,
            Logging = _options.Logging ?? NullLoggerFactory.Instance,
            Services = _options.Services,
        },
        CancellationToken.None);

    /// <summary>Its database, for tests that look at or damage tables.</summary>
    public TestDatabase Database => _database ?? throw new InvalidOperationException("The server was never started.");

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAgainAsync();
    }

    /// <summary>Stops it, throws its database away and starts it: everything is replayed.</summary>
    public async Task RestartWithoutDatabaseAsync()
    {
        await StopAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        _database = null;
        await StartAgainAsync();
    }

    /// <summary>Registers a user through the client API.</summary>
    public async Task<TestUser> RegisterAsync(string name, string password = "secret")
    {
        var reply = await SendAsync(
            "POST",
            "register",
            token: null,
            $$$"""{"username":"{{{name}}}","password":"{{{password}}}","auth":{"type":"m.login.dummy"}}""");
        var body = reply.Ok();
        return new TestUser(this, body.Text("user_id"), body.Text("access_token"), body.Text("device_id"));
    }

    /// <summary>Sends a request; a path without a leading slash counts from <c>/_matrix/client/v3/</c>.</summary>
    public Task<Reply> SendAsync(string method, string path, string? token = null, string? body = null) =>
        SendAsync(method, path, token, body is null ? null : Encoding.UTF8.GetBytes(body));

    /// <inheritdoc cref="SendAsync(string, string, string?, string?)"/>
    public async Task<Reply> SendAsync(string method, string path, string? token, byte[]? body)
    {
        var target = path.StartsWith('/') ? path : "/_matrix/client/v3/" + path;
        using var request =
            new HttpRequestMessage(new HttpMethod(method), Address.GetLeftPart(UriPartial.Authority) + target);
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null)
            request.Content = new ByteArrayContent(body);
        using var response = await _client.SendAsync(request);
        return new Reply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
        if (_database is not null)
            await _database.DisposeAsync();
        if (_memoryLog is IAsyncDisposable log)
            await log.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private HomeserverConfig Config()
    {
        string[] flags =
        [
            "--server-name", _options.ServerName,
            "--data", DataFolder,
            "--public-base-url", "http://" + _options.ServerName,
            "--client-listen", "http://127.0.0.1:0",
            "--federation-listen", "",
            "--registration-mode", "open",
            "--registration-shared-secret", SharedSecret,
            "--rate-limits-enabled", "false",
            "--passwords-memory-kib", "1024",
            "--passwords-passes", "1",
        ];
        var result = ConfigLoader.Load(flags, new Hashtable(), _folder);
        var config = result.Config ?? throw new InvalidOperationException(string.Join('\n', result.Problems));
        return _options.Configure?.Invoke(config) ?? config;
    }
}
