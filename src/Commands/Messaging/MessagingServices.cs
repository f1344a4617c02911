using Matrix.EventSourced.EventStore;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>
/// Registers the edge of the write side: the mediator, its behaviours, and the appender. Handlers are registered by
/// their components.
/// </summary>
public static class MessagingServices
{
    public static IServiceCollection AddMessaging(this IServiceCollection services)
    {
        services.TryAddTransient<ServiceFactory>(provider => provider.GetRequiredService);
        services.TryAddTransient<IMediator, Mediator>();
        services.TryAddEnumerable(
            ServiceDescriptor.Transient(typeof(IPipelineBehavior<,>), typeof(TracingBehaviour<,>)));
        services.TryAddEnumerable(
            ServiceDescriptor.Transient(typeof(IPipelineBehavior<,>), typeof(ValidationBehaviour<,>)));
        services.TryAddSingleton<IEventAppender>(provider => provider.GetRequiredService<IEventStore>());
        services.TryAddSingleton<IEventReader>(provider => provider.GetRequiredService<IEventStore>());
        services.TryAddSingleton<FactAppender>();
        return services;
    }
}
