using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>What another server's EDUs say: typing, receipts, presence.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #typing-notifications, #receipts, #presence.
/// Requires: the origin is authenticated, the room's server ACL lets it in, and the context's actor is the origin.
/// Ensures: null when it was taken or said nothing new; else why it was not, which is for logs: EDUs get no answers.
/// Errors: M_FORBIDDEN for a user of another server than the origin, and for one who is not in the room.
/// </remarks>
public interface IEduServerForFederationApi
{
    ValueTask<MatrixError?> ReceiveTypingAsync(
        ServerName origin, RoomId room, UserId user, bool isTyping, CommandContext context);

    /// <summary>A public receipt (<c>m.read</c>). Units: ts, Unix milliseconds as the origin says.</summary>
    ValueTask<MatrixError?> ReceiveReceiptAsync(
        ServerName origin,
        RoomId room,
        UserId user,
        EventId eventId,
        string? threadId,
        long ts,
        CommandContext context);

    /// <summary>A user's presence. Units: lastActiveAgoMs, milliseconds before the EDU came.</summary>
    ValueTask<MatrixError?> ReceivePresenceAsync(
        ServerName origin,
        UserId user,
        PresenceState state,
        string? statusMsg,
        long lastActiveAgoMs,
        bool isCurrentlyActive,
        CommandContext context);
}

/// <inheritdoc cref="IEduServerForFederationApi"/>
public sealed class EduServerForFederationApi(
    TypingBook typing, Receipts receipts, RemotePresence presence, PresenceOptions options, RoomMembers members)
    : IEduServerForFederationApi
{
    public async ValueTask<MatrixError?> ReceiveTypingAsync(
        ServerName origin, RoomId room, UserId user, bool isTyping, CommandContext context)
    {
        if (await CheckAsync(origin, room, user) is { } refusal)
            return refusal;
        var execution = isTyping
            ? await typing.StartTypingAsync(room, user, Limits.TypingRemoteMs, context)
            : await typing.StopTypingAsync(room, user, context);
        return (execution as Execution<TypingState>.Refused)?.Error;
    }

    public async ValueTask<MatrixError?> ReceiveReceiptAsync(
        ServerName origin,
        RoomId room,
        UserId user,
        EventId eventId,
        string? threadId,
        long ts,
        CommandContext context)
    {
        if (await CheckAsync(origin, room, user) is { } refusal)
            return refusal;
        if (threadId is not (null or Receipts.MainThread) && !EventId.TryParse(threadId, out _))
            return MatrixError.InvalidParam("thread_id must be main or the id of a thread's root.");
        // The event may come later than the receipt: it is not asked for.
        var result = await receipts.RecordRemoteAsync(
            new ReceiptRecorded(room, user, ReceiptKinds.Read, eventId, threadId, ts), context);
        return (result as CommandResult<MediatR.Unit>.Refused)?.Error;
    }

    public async ValueTask<MatrixError?> ReceivePresenceAsync(
        ServerName origin,
        UserId user,
        PresenceState state,
        string? statusMsg,
        long lastActiveAgoMs,
        bool isCurrentlyActive,
        CommandContext context)
    {
        if (!options.IsEnabled)
            return MatrixError.Forbidden("Presence is switched off.");
        if (!user.IsOn(origin))
            return NotOfOrigin;
        if (statusMsg is not null && System.Text.Encoding.UTF8.GetByteCount(statusMsg) > Limits.StatusMsgBytesMax)
            return MatrixError.TooLarge("The status message is too long.");
        var now = context.ReceivedAtMs;
        var execution = await presence.SetAsync(
            new PresenceChanged(
                user,
                state,
                string.IsNullOrEmpty(statusMsg) ? null : statusMsg,
                now - Math.Clamp(lastActiveAgoMs, 0, now),
                isCurrentlyActive && state == PresenceState.Online,
                now),
            context);
        return (execution as Execution<UserPresenceState>.Refused)?.Error;
    }

    private static MatrixError NotOfOrigin => MatrixError.Forbidden("The user is not the origin's.");

    private async ValueTask<MatrixError?> CheckAsync(ServerName origin, RoomId room, UserId user) =>
        user.IsOn(origin) ? await members.CheckJoinedAsync(room, user) : NotOfOrigin;
}
