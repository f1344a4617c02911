using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>Sends a delayed event as its user would now.</summary>
/// <remarks>
/// Ensures: a crash between the room's fact and the one that says so sends nothing twice, because the delay_id is the
/// event's transaction id.
/// </remarks>
public sealed class DelayedEventSender(
    AggregateStore<AccountState> accounts, AggregateStore<CredentialsState> credentials, IMediator mediator)
{
    public async ValueTask<CommandResult<EventId>> SendAsync(DelayedEventChanged scheduled, long nowMs)
    {
        var sender = scheduled.Sender;
        var account = (await accounts.LoadAsync(UserStreams.Account(sender))).State;
        if ((await credentials.LoadAsync(UserStreams.Credentials(sender))).State.IsDeactivated)
            return new MatrixError(403, ErrCodes.UserDeactivated, "The user's account has been deactivated.");
        if (account.IsLocked)
            return AccountDecider.Locked;
        if (account.IsSuspended)
            return new MatrixError(403, ErrCodes.UserSuspended, "The user is suspended.");
        var context = new CommandContext(new FactActor(User: sender.Value), nowMs, $"delayed/{scheduled.DelayId}");
        var transaction = new TransactionKey(
            sender, string.Empty, TransactionScopes.DelayedEvent, scheduled.DelayId);
        using var content = JsonDocument.Parse(scheduled.Content.Utf8);
        return scheduled.StateKey is { } stateKey
            ? await mediator.Send(new SendState(
                context,
                scheduled.RoomId,
                sender,
                scheduled.Type,
                stateKey,
                content.RootElement,
                account.Kind == AccountKind.Guest)
            {
                OriginServerTs = scheduled.OriginServerTs,
                Transaction = transaction,
            })
            : await mediator.Send(new SendEvent(
                context,
                scheduled.RoomId,
                sender,
                scheduled.Type,
                content.RootElement,
                transaction,
                account.IsAdmin)
            {
                OriginServerTs = scheduled.OriginServerTs,
            });
    }
}
