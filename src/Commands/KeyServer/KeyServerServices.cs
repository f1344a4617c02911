using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.KeyServer;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Registers the write side of the KeyServer.</summary>
/// <remarks>Requires: IEventStore from the host, <see cref="IMasterKeyLookup"/>, the commands of the UserAPI.</remarks>
public static class KeyServerServices
{
    /// <summary>LIMIT: devices whose one-time keys are kept in memory. Ours: up to some tens of KiB each.</summary>
    private const int OneTimeKeysKeptMax = 1_024;

    public static IServiceCollection AddKeyServerCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton(provider => new AggregateStore<DeviceKeysState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton(provider => new AggregateStore<OneTimeKeysState>(
            provider.GetRequiredService<IEventStore>(),
            provider.GetRequiredService<FactAppender>(),
            OneTimeKeysKeptMax));
        services.AddSingleton(provider => new AggregateStore<RemoteDevicesState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton<OneTimeKeyBook>();
        services.AddSingleton<RemoteDeviceBook>();
        services.AddSingleton<DeviceListKeeper>();
        services.AddSingleton<IDeviceLists>(provider => provider.GetRequiredService<DeviceListKeeper>());

        services.AddSingleton<IValidator<UploadKeys>, UploadKeysValidator>();
        services.AddSingleton<IValidator<ClaimKeys>, ClaimKeysValidator>();
        services.AddTransient<IRequestHandler<UploadKeys, CommandResult<KeySupply>>, UploadKeysHandler>();
        services.AddTransient<
            IRequestHandler<ClaimKeys, CommandResult<IReadOnlyList<ClaimedKey>>>, ClaimKeysHandler>();
        services.AddTransient<
            IRequestHandler<UploadSigningKeys, CommandResult<SigningKeysOutcome>>, UploadSigningKeysHandler>();
        services.AddTransient<
            IRequestHandler<UploadSignatures, CommandResult<IReadOnlyList<SignatureFailure>>>,
            UploadSignaturesHandler>();
        return services;
    }
}
