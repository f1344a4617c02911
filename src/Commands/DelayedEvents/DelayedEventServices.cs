using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>Registers the write side of delayed events. Requires: that of the Roomserver and the UserAPI, the options,
/// and the ports.</summary>
public static class DelayedEventServices
{
    public static IServiceCollection AddDelayedEventCommands(this IServiceCollection services)
    {
        services.AddSingleton(provider => new AggregateStore<DelayedEventState>(
            provider.GetRequiredService<IEventStore>(),
            provider.GetRequiredService<FactAppender>(),
            bounds: DelayedEventStreams.WhileScheduled));
        services.AddSingleton<DelayedEventTurns>();
        services.AddSingleton<DelayedEventSender>();
        services.AddSingleton<DelayedEvents>();
        services.AddSingleton<IValidator<ScheduleDelayedEvent>, ScheduleDelayedEventValidator>();
        services.AddTransient<
            IRequestHandler<ScheduleDelayedEvent, CommandResult<string>>, ScheduleDelayedEventHandler>();
        return services;
    }
}
