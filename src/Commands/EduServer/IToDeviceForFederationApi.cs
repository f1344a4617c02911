using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Messages that other servers' users send to devices of ours.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #send-to-device-messaging.
/// Requires: the origin is authenticated, the recipients are this server's, the context's actor is the origin.
/// Ensures: null when it was taken, now or before; the same message id of the same sender is taken once.
/// Errors: M_FORBIDDEN for a sender of another server; M_INVALID_PARAM and M_TOO_LARGE for what is no message.
/// </remarks>
public interface IToDeviceForFederationApi
{
    ValueTask<MatrixError?> ReceiveAsync(
        ServerName origin,
        UserId sender,
        string type,
        string messageId,
        IReadOnlyList<ToDeviceRecipient> recipients,
        CommandContext context);
}

/// <inheritdoc cref="IToDeviceForFederationApi"/>
public sealed class ToDeviceForFederationApi(ToDeviceBook book) : IToDeviceForFederationApi
{
    public async ValueTask<MatrixError?> ReceiveAsync(
        ServerName origin,
        UserId sender,
        string type,
        string messageId,
        IReadOnlyList<ToDeviceRecipient> recipients,
        CommandContext context)
    {
        if (!sender.IsOn(origin))
            return MatrixError.Forbidden("The sender is not the origin's.");
        // Longer ids than the spec's are no danger; they are bounded as all identifiers are.
        if (!ToDeviceRules.IsIdentifier(type) || !ToDeviceRules.IsIdentifier(messageId))
            return MatrixError.InvalidParam("The type or the message id is none.");
        var messages = recipients.SelectMany(recipient => recipient.Messages).ToList();
        if (!messages.TrueForAll(message => ToDeviceRules.IsIdentifier(message.DeviceId)))
            return MatrixError.InvalidParam("A device id is none.");
        if (!messages.TrueForAll(ToDeviceRules.IsSmallEnough))
            return MatrixError.TooLarge($"A message may be at most {Limits.ToDeviceContentBytesMax} bytes large.");
        var transaction = new TransactionKey(sender, string.Empty, "m.direct_to_device", messageId);
        await book.SendAsync(transaction, type, messageId, recipients, context);
        return null;
    }
}
