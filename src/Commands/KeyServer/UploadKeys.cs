using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Publishes keys of the device that asks. Answers what it then has to give out.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3keysupload.
/// Requires: the keys are checked by <see cref="KeyShapes"/>. DeviceKeys null: they stay as they are.
/// </remarks>
public sealed record UploadKeys(
    CommandContext Context,
    UserId UserId,
    string DeviceId,
    RawJson? DeviceKeys,
    IReadOnlyList<OneTimeKey> OneTimeKeys,
    IReadOnlyList<OneTimeKey> FallbackKeys) : ICommand<KeySupply>;

public sealed class UploadKeysValidator : AbstractValidator<UploadKeys>
{
    public UploadKeysValidator() =>
        RuleFor(command => command.DeviceId).NotEmpty().WithMessage("Only a device has keys.");
}

public sealed class UploadKeysHandler(
    AggregateStore<DeviceKeysState> deviceKeys,
    AggregateStore<AccountState> accounts,
    OneTimeKeyBook oneTimeKeys,
    DeviceListKeeper lists) : IRequestHandler<UploadKeys, CommandResult<KeySupply>>
{
    private static readonly MatrixError Gone = new(401, ErrCodes.UnknownToken, "The device is gone.");

    public async Task<CommandResult<KeySupply>> Handle(UploadKeys command, CancellationToken cancellationToken)
    {
        var (user, deviceId) = (command.UserId, command.DeviceId);
        var account = await accounts.LoadAsync(UserStreams.Account(user), cancellationToken);
        if (!account.State.Devices.TryGetValue(deviceId, out var name))
            return Gone;
        if (command.DeviceKeys is { } keys)
        {
            var set = await deviceKeys.ExecuteAsync(
                KeyServerStreams.DeviceKeys(user),
                state => DeviceKeysDecider.SetKeys(state, user, deviceId, name, keys),
                command.Context,
                cancellationToken);
            if (set is Execution<DeviceKeysState>.Refused refused)
                return refused.Error;
        }
        if (command is { OneTimeKeys.Count: 0, FallbackKeys.Count: 0, DeviceKeys: null })
        {
            return new CommandResult<KeySupply>.Done(
                await oneTimeKeys.SupplyAsync(user, deviceId, cancellationToken), EventStore.LogPosition.Start);
        }
        var taken = await oneTimeKeys.UploadAsync(
            user, deviceId, command.OneTimeKeys, command.FallbackKeys, command.Context);
        // Deleted meanwhile: what was just written must not outlive the device.
        if (!(await accounts.LoadAsync(UserStreams.Account(user), CancellationToken.None))
            .State.Devices.ContainsKey(deviceId))
        {
            await lists.RemovingAsync(user, [deviceId], command.Context);
            return Gone;
        }
        return taken is Execution<OneTimeKeysState>.Done done
            ? new CommandResult<KeySupply>.Done(done.After.Supply, done.Position)
            : ((Execution<OneTimeKeysState>.Refused)taken).Error;
    }
}
