using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Who tells others about the devices of an account, and keeps their keys.</summary>
public interface IDeviceLists
{
    /// <summary>Why a device cannot have this id: a cross-signing key of the user has it. Null when it can.</summary>
    /// <remarks>Spec: v1.19 client-server-api #key-and-signature-security. Errors: M_FORBIDDEN.</remarks>
    ValueTask<MatrixError?> FindProblemAsync(UserId user, string deviceId);

    /// <summary>A device is there, or has another name. Called after the account says so.</summary>
    ValueTask ListedAsync(UserId user, string deviceId, string? name, CommandContext context);

    /// <summary>Devices are going. Called after their tokens have ended, before the account forgets them.</summary>
    ValueTask RemovingAsync(UserId user, IReadOnlyCollection<string> deviceIds, CommandContext context);
}
