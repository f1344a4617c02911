using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Api.Tests.AppService;

/// <summary>A request as the application service got it.</summary>
internal sealed record ReceivedRequest(string Method, string Path, string Query, string? Authorization, string Body)
{
    public JsonElement Json => JsonElement.Parse(Body);
}

/// <summary>An application service on loopback: keeps what it gets, answers as it is told.</summary>
internal sealed class TestAppservice : IAsyncDisposable
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);

    private readonly IHost _host;
    private readonly Channel<ReceivedRequest> _transactions = Channel.CreateUnbounded<ReceivedRequest>();

    private TestAppservice(IHost host) => _host = host;

    public string Url { get; private set; } = null!;

    /// <summary>What it answers; null is 200 and an empty object.</summary>
    public Func<ReceivedRequest, Task<(int Status, string Body)?>> Answer { get; set; } =
        static _ => Task.FromResult<(int, string)?>(null);

    public static async Task<TestAppservice> StartAsync(int port = 0)
    {
        TestAppservice? service = null;
        var host = new HostBuilder().ConfigureWebHost(web => web
            .UseKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port))
            .ConfigureLogging(logging => logging.ClearProviders())
            .Configure(app => app.Run(http => service!.HandleAsync(http)))).Build();
        service = new TestAppservice(host);
        await host.StartAsync();
        service.Url = host.Services.GetRequiredService<IServer>().Features
            .Get<IServerAddressesFeature>()!.Addresses.First();
        return service;
    }

    /// <summary>The next transaction, in whatever way it was answered.</summary>
    public async Task<ReceivedRequest> NextTransactionAsync()
    {
        using var timeout = new CancellationTokenSource(WaitMax);
        return await _transactions.Reader.ReadAsync(timeout.Token);
    }

    /// <summary>A transaction that came already, or null.</summary>
    public ReceivedRequest? TryTake() => _transactions.Reader.TryRead(out var request) ? request : null;

    /// <summary>Takes transactions until one has an event that fits.</summary>
    public async Task<JsonElement> NextEventAsync(Func<JsonElement, bool> fits, string section = "events")
    {
        while (true)
        {
            var transaction = await NextTransactionAsync();
            if (!transaction.Json.TryGetProperty(section, out var events))
                continue;
            foreach (var one in events.EnumerateArray())
            {
                if (fits(one))
                    return one;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    private async Task HandleAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var request = new ReceivedRequest(
            http.Request.Method,
            http.Request.Path.Value!,
            http.Request.QueryString.Value ?? "",
            http.Request.Headers.Authorization.ToString(),
            await reader.ReadToEndAsync());
        var answer = await Answer(request) ?? (200, "{}");
        http.Response.StatusCode = answer.Status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(answer.Body);
        if (request.Path.Contains("/transactions/", StringComparison.Ordinal))
            _transactions.Writer.TryWrite(request);
    }
}
