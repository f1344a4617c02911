using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Registers the write side of the EduServer.</summary>
/// <remarks>
/// Requires: IEventStore, TimeProvider and <see cref="PresenceOptions"/> from the host; <see cref="IEduLookup"/> and
/// <see cref="IToDeviceLookup"/>; the
/// commands of Roomserver and UserAPI. The host starts <see cref="TypingBook"/>, <see cref="PresenceTracker"/> and
/// <see cref="RemotePresence"/> after the projections.
/// </remarks>
public static class EduServerServices
{
    public static IServiceCollection AddEduServerCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton<TypingBook>();
        services.AddSingleton<RoomMembers>();
        services.AddSingleton<Receipts>();
        services.AddSingleton<PresenceTracker>();
        services.AddSingleton<RemotePresence>();
        services.AddSingleton<IEduServerForFederationApi, EduServerForFederationApi>();
        services.AddSingleton<ToDeviceTrimmer>();
        services.AddSingleton<ToDeviceBook>();
        services.AddSingleton<IToDeviceForFederationApi, ToDeviceForFederationApi>();
        services.TryAddEnumerable(
            ServiceDescriptor.Transient(typeof(IPipelineBehavior<,>), typeof(ActivityBehaviour<,>)));

        services.AddSingleton<IValidator<SetTyping>, SetTypingValidator>();
        services.AddSingleton<IValidator<SetReadMarkers>, SetReadMarkersValidator>();
        services.AddSingleton<IValidator<SetPresence>, SetPresenceValidator>();
        services.AddSingleton<IValidator<SendToDevice>, SendToDeviceValidator>();

        services.AddTransient<IRequestHandler<SetTyping, CommandResult<Unit>>, SetTypingHandler>();
        services.AddTransient<IRequestHandler<SetReadMarkers, CommandResult<Unit>>, SetReadMarkersHandler>();
        services.AddTransient<IRequestHandler<SetPresence, CommandResult<Unit>>, SetPresenceHandler>();
        services.AddTransient<IRequestHandler<SendToDevice, CommandResult<Unit>>, SendToDeviceHandler>();
        return services;
    }
}
