using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>Adds keys to the current backup; of two for one session the better stays.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3room_keyskeys, #put_matrixclientv3room_keyskeysroomid,
/// #put_matrixclientv3room_keyskeysroomidsessionid. Shape: each session of a room once.
/// Errors: M_NOT_FOUND, M_WRONG_ROOM_KEYS_VERSION; M_INVALID_PARAM, M_TOO_LARGE.
/// </remarks>
public sealed record StoreBackupKeys(
    CommandContext Context, UserId UserId, long Version, IReadOnlyList<BackedUpKey> Keys) : ICommand<BackupContents>;

public sealed class StoreBackupKeysValidator : AbstractValidator<StoreBackupKeys>
{
    public StoreBackupKeysValidator()
    {
        RuleForEach(command => command.Keys).ChildRules(key =>
        {
            key.RuleFor(one => one.RoomId)
                .Must(id => id.StartsWith('!') && Encoding.UTF8.GetByteCount(id) <= Limits.IdentifierBytesMax)
                .WithMessage($"A room id begins with ! and has at most {Limits.IdentifierBytesMax} bytes.");
            key.RuleFor(one => one.SessionId)
                .Must(id => id.Length > 0 && Encoding.UTF8.GetByteCount(id) <= Limits.IdentifierBytesMax)
                .WithMessage($"A session id has 1 to {Limits.IdentifierBytesMax} bytes.");
            key.RuleFor(one => one.FirstMessageIndex)
                .InclusiveBetween(0, Limits.CanonicalIntegerMax)
                .WithMessage("first_message_index must be an integer from 0.");
            key.RuleFor(one => one.ForwardedCount)
                .InclusiveBetween(0, Limits.CanonicalIntegerMax)
                .WithMessage("forwarded_count must be an integer from 0.");
            key.RuleFor(one => one.SessionData)
                .Must(data => data.Utf8.Length <= KeyBackupLimits.SessionDataBytesMax)
                .WithErrorCode(ErrCodes.TooLarge)
                .WithMessage($"session_data may be at most {KeyBackupLimits.SessionDataBytesMax} bytes large.");
        });
    }
}

public sealed class StoreBackupKeysHandler(BackupKeyWriter writer, IKeyBackupLookup lookup)
    : IRequestHandler<StoreBackupKeys, CommandResult<BackupContents>>
{
    public async Task<CommandResult<BackupContents>> Handle(
        StoreBackupKeys command, CancellationToken cancellationToken) =>
        await writer.WriteAsync(
            command.Context,
            command.UserId,
            command.Version,
            state => KeyBackupDecider.FindProblemOfWriting(state, command.Version),
            async () =>
            {
                var ids = command.Keys.Select(key => new BackupKeyId(key.RoomId, key.SessionId));
                var known = await lookup.WorthOfAsync(command.UserId, command.Version, [.. ids]);
                return [.. KeyBackupDecider.Store(command.UserId, command.Version, command.Keys, known)];
            },
            cancellationToken);
}

/// <summary>Takes keys out of a backup: one session's, one room's or all.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #delete_matrixclientv3room_keyskeys, #delete_matrixclientv3room_keyskeysroomid,
/// #delete_matrixclientv3room_keyskeysroomidsessionid. What is not there is gone already. Any backup that is there will
/// do, current or not. Errors: M_NOT_FOUND.
/// </remarks>
public sealed record DeleteBackupKeys(
    CommandContext Context, UserId UserId, long Version, string? RoomId, string? SessionId)
    : ICommand<BackupContents>;

public sealed class DeleteBackupKeysHandler(BackupKeyWriter writer)
    : IRequestHandler<DeleteBackupKeys, CommandResult<BackupContents>>
{
    public async Task<CommandResult<BackupContents>> Handle(
        DeleteBackupKeys command, CancellationToken cancellationToken) =>
        await writer.WriteAsync(
            command.Context,
            command.UserId,
            command.Version,
            state => state.VersionToBackup.ContainsKey(command.Version) ? null : KeyBackupDecider.UnknownVersion,
            () => new([new BackupKeysDeleted(command.UserId, command.Version, command.RoomId, command.SessionId)]),
            cancellationToken);
}
