using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>A server that the tests of a class share, and a user of it.</summary>
public abstract class MediaServer(Func<HomeserverConfig, HomeserverConfig> configure) : IAsyncLifetime
{
    public TestHomeserver Server { get; private set; } = null!;

    public TestUser Alice { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Server = await TestHomeserver.StartAsync(new TestHomeserverOptions { Configure = configure });
        Alice = await Server.RegisterAsync("alice");
    }

    public Task DisposeAsync() => Server.DisposeAsync().AsTask();

    /// <summary>Sweeps only when the test says so.</summary>
    internal static void WithoutSweeps(IServiceCollection services)
    {
        var host = services.Single(service => service.ImplementationType == typeof(MediaSweepHost));
        services.Remove(host);
    }
}
