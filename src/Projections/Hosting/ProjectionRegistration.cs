using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Registers the projection host and what queries use.</summary>
/// <remarks>
/// Requires: IEventReader, NpgsqlDataSource, TimeProvider and logging are registered. The host is a singleton that the
/// program starts itself, before it opens its listeners.
/// </remarks>
public static class ProjectionRegistration
{
    public static IServiceCollection AddProjectionHost(this IServiceCollection services)
    {
        services.TryAddSingleton(new ProjectionOptions());
        services.AddSingleton<ProjectionRegistry>();
        services.AddSingleton<IProjectionSchemas>(s => s.GetRequiredService<ProjectionRegistry>());
        services.AddSingleton<ProjectionHealth>();
        services.AddSingleton<ProjectionGate>();
        services.AddSingleton<IProjectionGate>(s => s.GetRequiredService<ProjectionGate>());
        services.AddSingleton<DocumentStores>();
        services.AddSingleton<IDocumentStoreAccess>(s => s.GetRequiredService<DocumentStores>());
        services.AddSingleton<ProjectionHost>();
        return services;
    }
}
