using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>What one user's devices get.</summary>
public sealed record ToDeviceRecipient(UserId UserId, IReadOnlyList<DeviceMessage> Messages);

/// <summary>Sends messages of one type to devices, of this server's users and of others'.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3sendtodeviceeventtypetxnid.
/// Ensures: the same transaction sends nothing twice, across restarts too. Users and devices that are not there are
/// passed over.
/// Errors: M_INVALID_PARAM for a type or device id that is none; M_TOO_LARGE for a content.
/// </remarks>
public sealed record SendToDevice(
    CommandContext Context, TransactionKey Transaction, string Type, IReadOnlyList<ToDeviceRecipient> Recipients)
    : ICommand<Unit>;

public sealed class SendToDeviceValidator : AbstractValidator<SendToDevice>
{
    public SendToDeviceValidator()
    {
        RuleFor(command => command.Type)
            .Must(ToDeviceRules.IsIdentifier)
            .WithMessage($"A type of messages has 1 to {Limits.IdentifierBytesMax} bytes.");
        RuleForEach(command => command.Recipients)
            .Must(recipient => recipient.Messages.All(message => ToDeviceRules.IsIdentifier(message.DeviceId)))
            .WithMessage($"A device id has 1 to {Limits.IdentifierBytesMax} bytes.");
        RuleForEach(command => command.Recipients)
            .Must(recipient => recipient.Messages.All(ToDeviceRules.IsSmallEnough))
            .WithErrorCode(ErrCodes.TooLarge)
            .WithMessage($"A message to a device may be at most {Limits.ToDeviceContentBytesMax} bytes large.");
    }
}

public sealed class SendToDeviceHandler(ToDeviceBook book) : IRequestHandler<SendToDevice, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SendToDevice command, CancellationToken cancellationToken)
    {
        var position = await book.SendAsync(
            command.Transaction, command.Type, messageId: null, command.Recipients, command.Context);
        return new CommandResult<Unit>.Done(Unit.Value, position);
    }
}

/// <summary>What every message to a device must be, wherever it comes from.</summary>
public static class ToDeviceRules
{
    public static bool IsIdentifier(string text) =>
        text.Length > 0
        && Encoding.UTF8.GetByteCount(text) <= Limits.IdentifierBytesMax
        && !text.Contains('\0', StringComparison.Ordinal);

    public static bool IsSmallEnough(DeviceMessage message) =>
        message.Content.Utf8.Length <= Limits.ToDeviceContentBytesMax;
}
