using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Passwords;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Account;

/// <summary>The UserAPI alone behind a real listener: its commands over a log in memory, its projection over PostgreSQL.</summary>
public class AccountServer : IAsyncLifetime
{
    private static readonly HttpClient Client = new();
    private static readonly JsonDocumentOptions AsDeepAsBodies = new() { MaxDepth = 128 };

    private WebApplication? _app;
    private TestDatabase? _database;
    private Uri? _address;

    private protected virtual RegistrationPolicy Policy =>
        new(RegistrationOpenness.Open, [], GuestsAllowed: true, "shared");

    public FakeTimeProvider Time { get; } = new();

    public async Task InitializeAsync()
    {
        _database = await PostgresKit.CreateDatabaseAsync();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var services = builder.Services;
        services.AddLogging();
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<IRandom, SystemRandom>();
        services.AddSingleton<IEventStore>(new InMemoryEventStore(Time));
        services.AddSingleton(_database.DataSource);
        services.AddSingleton(TrustedProxies.Loopback);
        services.AddSingleton(new HomeserverConfig { ServerName = ServerName.Parse("hs") });
        services.AddMessaging();
        services.AddKeyServerCommands();
        services.AddProjectionHost();
        Composition.AddUserApi(services);
        services.AddSingleton(Policy);
        services.AddSingleton(new PasswordHashing(8, 1, 1));
        _app = builder.Build();
        await _app.Services.GetRequiredService<ProjectionHost>().StartAsync(CancellationToken.None);

        var table = new EndpointTable();
        Composition.MapUserApi(table);
        var pipeline = new RequestPipeline(
            new Router(table),
            new RateLimiter(RateLimits.Off, Time),
            _app.Services.GetRequiredService<IAuthenticator>(),
            Time,
            new PipelineOptions(Cors: true, TrustedProxies.Loopback)
            {
                Activity = _app.Services.GetRequiredService<DeviceActivity>(),
            },
            NullLogger<RequestPipeline>.Instance,
            CancellationToken.None);
        _app.Run(pipeline.HandleAsync);
        await _app.StartAsync();
        _address = new Uri(_app.Urls.First());
    }

    public async Task DisposeAsync()
    {
        await _app!.Services.GetRequiredService<ProjectionHost>().StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        await _database!.DisposeAsync();
    }

    /// <summary>Sends a request; a path without a leading slash counts from the client API's v3.</summary>
    public async Task<Answer> SendAsync(string method, string path, string? body = null, string? token = null)
    {
        var target = path.StartsWith('/') ? path : "/_matrix/client/v3/" + path;
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(_address!, target));
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Answer((int)response.StatusCode, text, JsonDocument.Parse(text, AsDeepAsBodies).RootElement);
    }

    public async Task<Session> RegisterAsync(string username, string password = "secret", string deviceId = "DEV")
    {
        var answer = await SendAsync(
            "POST",
            "register",
            $$$"""
            {"username":"{{{username}}}","password":"{{{password}}}","device_id":"{{{deviceId}}}",
            "initial_device_display_name":"phone","auth":{"type":"m.login.dummy"}}
            """);
        return answer.Session();
    }

    public Task<Answer> LogInAsync(string user, string password = "secret", string more = "") => SendAsync(
        "POST",
        "login",
        $$$"""
        {"type":"m.login.password","identifier":{"type":"m.id.user","user":"{{{user}}}"},"password":"{{{password}}}"{{{more}}}}
        """);
}

/// <summary>What came back.</summary>
public sealed record Answer(int Status, string Text, JsonElement Json)
{
    public string? ErrCode => Json.TryGetProperty("errcode", out var code) ? code.GetString() : null;

    public string Get(string name) => Json.GetProperty(name).GetString()!;

    public Session Session()
    {
        Assert.True(Status == 200, Text);
        return new Session(Get("user_id"), Get("access_token"), Get("device_id"));
    }

    public void Is(int status, string? errCode = null) => Assert.Equal((status, errCode), (Status, ErrCode));
}

/// <summary>A session that a test opened.</summary>
public sealed record Session(string UserId, string Token, string DeviceId);
