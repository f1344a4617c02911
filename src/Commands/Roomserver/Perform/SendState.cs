using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Sets an entry of a room's state: PUT /rooms/{roomId}/state/{eventType}/{stateKey}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3roomsroomidstateeventtypestatekey.
/// Ensures: member events go the same way as those of the membership endpoints; a state that stands already makes no
/// new PDU.
/// Errors: M_FORBIDDEN, M_BAD_JSON, M_TOO_LARGE, M_BAD_ALIAS, M_INVALID_PARAM.
/// </remarks>
public sealed record SendState(
    CommandContext Context,
    RoomId RoomId,
    UserId Sender,
    string Type,
    string StateKey,
    JsonElement Content,
    bool IsGuest = false) : ICommand<EventId>
{
    /// <inheritdoc cref="RoomCommand.OriginServerTs"/>
    public long? OriginServerTs { get; init; }

    /// <inheritdoc cref="RoomCommand.Transaction"/>
    public TransactionKey? Transaction { get; init; }
}

public sealed class SendStateValidator : AbstractValidator<SendState>
{
    public SendStateValidator()
    {
        RuleFor(command => command.Type).IsEventType();
        RuleFor(command => command.StateKey).IsStateKey();
        RuleFor(command => command.Content).IsObject();
    }
}

public sealed class SendStateHandler(
    IRoomserver rooms, Memberships memberships, RemoteMemberships remote, AliasBook aliases, ServerIdentity identity)
    : IRequestHandler<SendState, CommandResult<EventId>>
{
    public async Task<CommandResult<EventId>> Handle(SendState command, CancellationToken cancellationToken)
    {
        switch (command.Type)
        {
            case EventTypes.Create:
                return MatrixError.Forbidden("A room is created once.");
            case EventTypes.Member:
                return (await SendMemberAsync(command, cancellationToken)).ToEventId();
            case EventTypes.CanonicalAlias when command.StateKey.Length == 0:
                if (await FindAliasProblemAsync(command, cancellationToken) is { } badAlias)
                    return badAlias;
                break;
            case EventTypes.PowerLevels:
                if (PowerLevelsShape.FindProblem(command.Content) is { } problem)
                    return MatrixError.BadJson(problem);
                break;
        }
        var send = new SendPdu(command.Context, command.Sender, command.Type, command.StateKey, command.Content)
        {
            OriginServerTs = command.OriginServerTs,
            Transaction = command.Transaction,
        };
        return (await rooms.PerformAsync(command.RoomId, send)).ToEventId();
    }

    private async ValueTask<RoomAnswer> SendMemberAsync(SendState command, CancellationToken cancellationToken)
    {
        if (!UserId.TryParse(command.StateKey, out var target))
            return new RoomAnswer.Refused(MatrixError.InvalidParam("The state key of a member event is a user id."));
        if (command.Content.StringOrNull("membership") is null)
            return new RoomAnswer.Refused(MatrixError.BadJson("A member event needs 'membership'."));
        if (target.Server != identity.Name && MembershipParser.Of(command.Content) == Membership.Invite)
        {
            return await remote.InviteAsync(
                command.Context,
                command.RoomId,
                command.Sender,
                target,
                MemberContent.Complete(command.Content, MemberProfile.Empty),
                cancellationToken);
        }
        return await memberships.SetAsync(
            command.RoomId,
            target,
            command.Content,
            command.Sender,
            command.IsGuest,
            command.Context,
            command.OriginServerTs,
            command.Transaction);
    }

    /// <summary>Aliases that the event names and that did not stand there before must point to the room.</summary>
    private async ValueTask<MatrixError?> FindAliasProblemAsync(SendState command, CancellationToken cancellationToken)
    {
        var (named, problem) = CanonicalAliasContent.Read(command.Content);
        if (problem is not null)
            return problem;
        if (named.Count == 0)
            return null;
        var reading = await rooms.ReadAsync(command.RoomId, RoomTuples.CanonicalAlias);
        if (reading is not RoomReading.Found found)
            return reading is RoomReading.Refused refused ? refused.Error : RoomErrors.NotInRoom;
        var standing = CanonicalAliasContent.Standing(found.View.Get(RoomTuples.CanonicalAlias));
        foreach (var alias in named)
        {
            if (standing.Contains(alias))
                continue;
            if (!RoomAlias.TryParse(alias, out var roomAlias))
                return MatrixError.InvalidParam($"'{alias}' is no room alias.");
            // Aliases of other servers are theirs to resolve.
            var resolved = aliases.IsOurs(roomAlias)
                ? await aliases.ResolveAsync(roomAlias)
                : await remote.ResolveAliasAsync(roomAlias, cancellationToken);
            if (resolved != command.RoomId)
                return new MatrixError(400, ErrCodes.BadAlias, $"The alias '{alias}' does not point to this room.");
        }
        return null;
    }
}
