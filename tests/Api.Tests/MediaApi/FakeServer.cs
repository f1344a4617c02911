using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>A web server on loopback that answers what the test says, and remembers what it was asked.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeServer(WebApplication app) => _app = app;

    public ConcurrentQueue<string> Asked { get; } = new();

    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    public string Authority => new Uri(_app.Urls.First()).Authority;

    public static async Task<FakeServer> StartAsync(bool isTls, IPAddress? address = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        using var key = RSA.Create(2048);
        var made = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address ?? IPAddress.Loopback, 0, listen =>
        {
            if (isTls)
                listen.UseHttps(made);
        }));
        var server = new FakeServer(builder.Build());
        server._app.Run(context =>
        {
            server.Asked.Enqueue(context.Request.Path + context.Request.QueryString);
            return server.Answer(context);
        });
        await server._app.StartAsync();
        return server;
    }

    public static async Task WriteAsync(HttpContext context, string type, byte[] body, int status = 200)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        await context.Response.Body.WriteAsync(body);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
