using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>A key with new signatures. Shape: KeyId as the client names it, a device id or a public key; Signed, an
/// object with a canonical form.</summary>
public sealed record SignedKey(UserId UserId, string KeyId, JsonElement Signed);

/// <summary>A signature that was not taken.</summary>
public sealed record SignatureFailure(UserId UserId, string KeyId, MatrixError Error);

/// <summary>Publishes signatures that the user's keys made. Answers those that were not taken.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3keyssignaturesupload.</remarks>
public sealed record UploadSignatures(CommandContext Context, UserId UserId, IReadOnlyList<SignedKey> Keys)
    : ICommand<IReadOnlyList<SignatureFailure>>;

/// <summary>What <see cref="UploadSignatures"/> asks about other users.</summary>
public interface IMasterKeyLookup
{
    /// <summary>A user's master key, of this server or another one; null where there is none, or it cannot be
    /// asked.</summary>
    ValueTask<RawJson?> FindMasterKeyAsync(UserId user, CancellationToken cancellationToken);
}

public sealed class UploadSignaturesHandler(AggregateStore<DeviceKeysState> deviceKeys, IMasterKeyLookup masterKeys)
    : IRequestHandler<UploadSignatures, CommandResult<IReadOnlyList<SignatureFailure>>>
{
    public async Task<CommandResult<IReadOnlyList<SignatureFailure>>> Handle(
        UploadSignatures command, CancellationToken cancellationToken)
    {
        var (signer, position) = (command.UserId, LogPosition.Start);
        var failures = new List<SignatureFailure>();
        var userToMaster = new Dictionary<UserId, RawJson?>();
        foreach (var key in command.Keys)
        {
            var isOwn = key.UserId == signer;
            if (!isOwn && !userToMaster.ContainsKey(key.UserId))
            {
                userToMaster.Add(
                    key.UserId, await masterKeys.FindMasterKeyAsync(key.UserId, cancellationToken));
            }
            var execution = await deviceKeys.ExecuteAsync(
                KeyServerStreams.DeviceKeys(signer),
                state => isOwn
                    ? CrossSigningDecider.SignOwn(state, signer, key.KeyId, key.Signed)
                    : CrossSigningDecider.SignOther(
                        state, signer, key.UserId, userToMaster[key.UserId], key.KeyId, key.Signed),
                command.Context,
                CancellationToken.None);
            if (execution is Execution<DeviceKeysState>.Done done)
                position = LogPosition.Max(position, done.Position);
            else if (execution is Execution<DeviceKeysState>.Refused refused)
                failures.Add(new(key.UserId, key.KeyId, refused.Error));
        }
        return new CommandResult<IReadOnlyList<SignatureFailure>>.Done(failures, position);
    }
}
