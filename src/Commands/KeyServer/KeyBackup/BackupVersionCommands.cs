using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>Begins a backup; answers its version.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3room_keysversion.</remarks>
public sealed record CreateKeyBackup(CommandContext Context, UserId UserId, string Algorithm, RawJson AuthData)
    : ICommand<long>;

/// <summary>Gives a backup other authentication data.</summary>
/// <remarks>Spec: v1.19 client-server-api #put_matrixclientv3room_keysversionversion. Errors: M_NOT_FOUND,
/// M_INVALID_PARAM.</remarks>
public sealed record ChangeKeyBackup(
    CommandContext Context, UserId UserId, long Version, string Algorithm, RawJson AuthData) : ICommand<Unit>;

/// <summary>Ends a backup, with all keys in it.</summary>
/// <remarks>Spec: v1.19 client-server-api #delete_matrixclientv3room_keysversionversion. Errors: M_NOT_FOUND for one
/// that never was.</remarks>
public sealed record DeleteKeyBackup(CommandContext Context, UserId UserId, long Version) : ICommand<Unit>;

public sealed class CreateKeyBackupValidator : AbstractValidator<CreateKeyBackup>
{
    public CreateKeyBackupValidator()
    {
        RuleFor(command => command.Algorithm)
            .Must(name => name.Length is > 0 and <= KeyBackupLimits.AlgorithmLengthMax)
            .WithMessage($"algorithm has 1 to {KeyBackupLimits.AlgorithmLengthMax} characters.");
        RuleFor(command => command.AuthData).IsAuthData();
    }
}

public sealed class ChangeKeyBackupValidator : AbstractValidator<ChangeKeyBackup>
{
    public ChangeKeyBackupValidator() => RuleFor(command => command.AuthData).IsAuthData();
}

internal static class BackupRules
{
    public static void IsAuthData<T>(this IRuleBuilder<T, RawJson> rule) => rule
        .Must(data => data.Utf8.Length <= KeyBackupLimits.AuthDataBytesMax)
        .WithErrorCode(ErrCodes.TooLarge)
        .WithMessage($"auth_data may be at most {KeyBackupLimits.AuthDataBytesMax} bytes large.");
}

public sealed class CreateKeyBackupHandler(AggregateStore<KeyBackupState> backups)
    : IRequestHandler<CreateKeyBackup, CommandResult<long>>
{
    public async Task<CommandResult<long>> Handle(CreateKeyBackup command, CancellationToken cancellationToken)
    {
        var execution = await backups.ExecuteAsync(
            BackupStreams.Backups(command.UserId),
            state => KeyBackupDecider.Create(state, command.UserId, command.Algorithm, command.AuthData),
            command.Context,
            cancellationToken);
        return execution.ToResult(execution is Execution<KeyBackupState>.Done done ? done.After.LastVersion : 0);
    }
}

public sealed class ChangeKeyBackupHandler(AggregateStore<KeyBackupState> backups)
    : IRequestHandler<ChangeKeyBackup, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ChangeKeyBackup command, CancellationToken cancellationToken) =>
        (await backups.ExecuteAsync(
            BackupStreams.Backups(command.UserId),
            state => KeyBackupDecider.Change(
                state, command.UserId, command.Version, command.Algorithm, command.AuthData),
            command.Context,
            cancellationToken)).ToResult(Unit.Value);
}

public sealed class DeleteKeyBackupHandler(AggregateStore<KeyBackupState> backups, BackupKeyWriter keys)
    : IRequestHandler<DeleteKeyBackup, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(DeleteKeyBackup command, CancellationToken cancellationToken)
    {
        var execution = await backups.ExecuteAsync(
            BackupStreams.Backups(command.UserId),
            state => KeyBackupDecider.Delete(state, command.UserId, command.Version),
            command.Context,
            cancellationToken);
        // Every time: a deletion that broke off between the two is finished by the next.
        if (execution is Execution<KeyBackupState>.Done)
            await keys.ForgetAsync(command.UserId, command.Version);
        return execution.ToResult(Unit.Value);
    }
}
