using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Commands.Erasure;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Erasure;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>The end of redacted content.</summary>
    internal static void AddErasure(IServiceCollection services, HomeserverConfig config, Storage storage)
    {
        services.AddSingleton<IProjection, ErasureProjection>();
        services.AddSingleton<ErasureQueries>();
        services.AddSingleton<IErasureLookup, ErasureLookup>();
        services.AddSingleton(provider => new ContentEraser(
            storage.EventStore as IRecordEraser,
            storage.EventStore,
            provider.GetRequiredService<FactAppender>(),
            provider.GetRequiredService<IErasureLookup>(),
            new ErasureOptions(config.RedactionRetention),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<ContentEraser>>()));
        services.AddHostedService<ErasureHost>();
    }
}
