using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.AppService;

/// <summary>Registers the write side of the AppService.</summary>
/// <remarks>Requires: the commands of the UserAPI and the Roomserver; the set of services and
/// <see cref="IAppserviceDirectory"/> from the host.</remarks>
public static class AppServiceServices
{
    public static IServiceCollection AddAppServiceCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton(provider => new AggregateStore<NetworkListingState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton<AppserviceIdentity>();
        services.AddSingleton<AppserviceProvisioning>();
        services.AddSingleton<IValidator<AppserviceLogIn>, AppserviceLogInValidator>();
        services.AddSingleton<IValidator<PutAppserviceDevice>, PutAppserviceDeviceValidator>();
        services.AddSingleton<IValidator<SetNetworkListing>, SetNetworkListingValidator>();
        services.AddTransient<
            IRequestHandler<AppserviceLogIn, CommandResult<OpenedSession>>, AppserviceLogInHandler>();
        services.AddTransient<IRequestHandler<PutAppserviceDevice, CommandResult<bool>>, PutAppserviceDeviceHandler>();
        services.AddTransient<IRequestHandler<SetNetworkListing, CommandResult<Unit>>, SetNetworkListingHandler>();
        return services;
    }
}
