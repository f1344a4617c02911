using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>Registers the write side of key backups.</summary>
/// <remarks>Requires: what messaging needs, and <see cref="IKeyBackupLookup"/> from the host.</remarks>
public static class KeyBackupServices
{
    public static IServiceCollection AddKeyBackupCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton(provider => new AggregateStore<KeyBackupState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton<BackupKeyWriter>();
        services.AddSingleton<IValidator<CreateKeyBackup>, CreateKeyBackupValidator>();
        services.AddSingleton<IValidator<ChangeKeyBackup>, ChangeKeyBackupValidator>();
        services.AddSingleton<IValidator<StoreBackupKeys>, StoreBackupKeysValidator>();
        services.AddTransient<IRequestHandler<CreateKeyBackup, CommandResult<long>>, CreateKeyBackupHandler>();
        services.AddTransient<IRequestHandler<ChangeKeyBackup, CommandResult<Unit>>, ChangeKeyBackupHandler>();
        services.AddTransient<IRequestHandler<DeleteKeyBackup, CommandResult<Unit>>, DeleteKeyBackupHandler>();
        services.AddTransient<
            IRequestHandler<StoreBackupKeys, CommandResult<BackupContents>>, StoreBackupKeysHandler>();
        services.AddTransient<
            IRequestHandler<DeleteBackupKeys, CommandResult<BackupContents>>, DeleteBackupKeysHandler>();
        return services;
    }
}
