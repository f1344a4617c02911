using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>What became of cross-signing keys.</summary>
public enum SigningKeysOutcome
{
    Taken,

    /// <summary>Nothing was done: who asks has to show who they are first.</summary>
    NeedsAuthentication,
}

/// <summary>Publishes the user's cross-signing keys.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3keysdevice_signingupload.
/// Requires: the keys are checked by <see cref="KeyShapes"/>.
/// </remarks>
public sealed record UploadSigningKeys(
    CommandContext Context, UserId UserId, CrossSigningUpload Upload, bool IsAuthenticated)
    : ICommand<SigningKeysOutcome>;

public sealed class UploadSigningKeysHandler(AggregateStore<DeviceKeysState> deviceKeys)
    : IRequestHandler<UploadSigningKeys, CommandResult<SigningKeysOutcome>>
{
    public async Task<CommandResult<SigningKeysOutcome>> Handle(
        UploadSigningKeys command, CancellationToken cancellationToken)
    {
        var needsAuthentication = false;
        var set = await deviceKeys.ExecuteAsync(
            KeyServerStreams.DeviceKeys(command.UserId),
            state =>
            {
                needsAuthentication = !command.IsAuthenticated
                    && CrossSigningDecider.NeedsAuthentication(state, command.Upload);
                return needsAuthentication
                    ? Decision.Nothing
                    : CrossSigningDecider.Set(state, command.UserId, command.Upload);
            },
            command.Context,
            cancellationToken);
        return needsAuthentication && set is Execution<DeviceKeysState>.Done
            ? new CommandResult<SigningKeysOutcome>.Done(SigningKeysOutcome.NeedsAuthentication, LogPosition.Start)
            : set.ToResult(SigningKeysOutcome.Taken);
    }
}
