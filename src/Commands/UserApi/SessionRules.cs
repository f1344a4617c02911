using System.Text;
using FluentValidation;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>
/// A user got in: whose session it is. Shape: DeviceId and Tokens are null where no login was wanted.
/// </summary>
public sealed record OpenedSession(Protocol.Identifiers.UserId UserId, string? DeviceId, NewSessionTokens? Tokens)
{
    public string? AccessToken => Tokens?.AccessToken;
}

/// <summary>Rules of shape that several commands share.</summary>
internal static class SessionRules
{
    public static IRuleBuilderOptions<T, string?> IsDeviceId<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(id => id is null || (
            id.Length > 0 && Encoding.UTF8.GetByteCount(id) <= Limits.DeviceIdBytesMax && !id.Any(char.IsControl)))
        .WithMessage($"A device id has 1 to {Limits.DeviceIdBytesMax} bytes and no control characters.");

    public static IRuleBuilderOptions<T, string?> IsDeviceName<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(name => name is null || (
            Encoding.UTF8.GetByteCount(name) <= Limits.DeviceNameBytesMax && !name.Contains('\0')))
        .WithMessage(
            $"A device's display name may be at most {Limits.DeviceNameBytesMax} bytes long and hold no U+0000.");
}
