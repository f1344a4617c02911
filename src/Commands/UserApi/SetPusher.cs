using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Makes or changes a pusher, or removes it where Pusher is null.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3pushersset.
/// Shape: Pusher is what GET /pushers will show. IsShared keeps other users' pushers of the same app and key; else they
/// end, since the device now belongs to somebody else.
/// Errors: M_INVALID_PARAM, M_TOO_LARGE, M_FORBIDDEN for too many.
/// </remarks>
public sealed record SetPusher(
    CommandContext Context,
    UserId UserId,
    string DeviceId,
    string AppId,
    string PushKey,
    RawJson? Pusher,
    bool IsShared) : ICommand<Unit>;

public sealed class SetPusherValidator : AbstractValidator<SetPusher>
{
    public SetPusherValidator()
    {
        RuleFor(command => command.AppId)
            .Must(id => id.Length is > 0 and <= Limits.PusherAppIdLengthMax)
            .WithMessage($"app_id has 1 to {Limits.PusherAppIdLengthMax} characters.");
        RuleFor(command => command.PushKey)
            .Must(key => key.Length > 0 && Encoding.UTF8.GetByteCount(key) <= Limits.PusherKeyBytesMax)
            .WithMessage($"pushkey has 1 to {Limits.PusherKeyBytesMax} bytes.");
        RuleFor(command => command.Pusher)
            .Must(pusher => pusher is null || pusher.Value.Utf8.Length <= Limits.PusherBytesMax)
            .WithErrorCode(ErrCodes.TooLarge)
            .WithMessage($"A pusher may be at most {Limits.PusherBytesMax} bytes large.");
    }
}

/// <summary>Which users have a pusher of an app and key: the read side knows.</summary>
public interface IPusherOwners
{
    ValueTask<IReadOnlyList<UserId>> FindAsync(string appId, string pushKey, CancellationToken cancellationToken);
}

public sealed class SetPusherHandler(AggregateStore<AccountState> accounts, IPusherOwners owners)
    : IRequestHandler<SetPusher, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetPusher command, CancellationToken cancellationToken)
    {
        var (appId, pushKey) = (command.AppId, command.PushKey);
        var execution = await accounts.ExecuteAsync(
            UserStreams.Account(command.UserId),
            state => command.Pusher is { } pusher
                ? PusherDecider.Set(state, new PusherSet(command.UserId, command.DeviceId, appId, pushKey, pusher))
                : PusherDecider.Delete(state, new PusherDeleted(command.UserId, appId, pushKey)),
            command.Context,
            cancellationToken);
        if (execution is not Execution<AccountState>.Done done || command.Pusher is null || command.IsShared)
            return execution.ToResult(Unit.Value);

        var position = done.Position;
        foreach (var other in await owners.FindAsync(appId, pushKey, CancellationToken.None))
        {
            if (other == command.UserId)
                continue;
            var ended = await accounts.ExecuteAsync(
                UserStreams.Account(other),
                state => PusherDecider.Delete(state, new PusherDeleted(other, appId, pushKey)),
                command.Context,
                CancellationToken.None);
            if (ended is Execution<AccountState>.Done gone)
                position = LogPosition.Max(position, gone.Position);
        }
        return new CommandResult<Unit>.Done(Unit.Value, position);
    }
}
