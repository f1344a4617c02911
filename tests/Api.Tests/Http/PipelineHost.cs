using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Http;

/// <summary>
/// The request pipeline behind a real listener, with endpoints that a test gives and one known token per kind of user.
/// </summary>
internal sealed class PipelineHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PipelineHost(WebApplication app, FakeTimeProvider time)
    {
        _app = app;
        Time = time;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public HttpClient Client { get; }

    public Uri Address => Client.BaseAddress!;

    public FakeTimeProvider Time { get; }

    public static async Task<PipelineHost> StartAsync(
        Action<EndpointTable> endpoints,
        RateLimits? limits = null,
        ILogger<RequestPipeline>? logger = null)
    {
        var table = new EndpointTable();
        endpoints(table);
        var time = new FakeTimeProvider();
        var pipeline = new RequestPipeline(
            new Router(table),
            new RateLimiter(limits ?? RateLimits.Off, time),
            new KnownTokens(),
            time,
            new PipelineOptions(Cors: true, TrustedProxies.Loopback),
            logger ?? NullLogger<RequestPipeline>.Instance,
            CancellationToken.None);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0")
            .ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        var app = builder.Build();
        app.Run(pipeline.HandleAsync);
        await app.StartAsync();
        return new PipelineHost(app, time);
    }

    public async Task<(int Status, string Body, HttpResponseMessage Response)> SendAsync(
        string method, string target, string? token = null, byte[]? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), target);
        if (token is not null)
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        if (body is not null)
            request.Content = new ByteArrayContent(body);
        var response = await Client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }

    private sealed class KnownTokens : IAuthenticator
    {
        public ValueTask<Requester?> FindAsync(string accessToken, CancellationToken cancellationToken) =>
            new(accessToken switch
        {
            "user" => new Requester(UserId.Parse("@user:hs"), "DEV", IsGuest: false, IsAdmin: false, "hash"),
            "other" => new Requester(UserId.Parse("@other:hs"), "DEV", IsGuest: false, IsAdmin: false, "hash"),
            "guest" => new Requester(UserId.Parse("@guest:hs"), "DEV", IsGuest: true, IsAdmin: false, "hash"),
            _ => null,
        });
    }
}
