using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Lets an alias point nowhere: DELETE /directory/room/{roomAlias}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #delete_matrixclientv3directoryroomroomalias; the rule is ours: who made it, who may
/// send the room's canonical alias,
/// and administrators. Ensures: a canonical alias event that names it is sent anew without it, where the user may do
/// that.
/// Errors: M_NOT_FOUND; M_FORBIDDEN; M_EXCLUSIVE for aliases of application services.
/// </remarks>
public sealed record DeleteAlias(CommandContext Context, UserId UserId, string Alias, bool IsAdmin) : ICommand<Unit>
{
    /// <summary>The application service that asks; those in its namespaces are its own.</summary>
    public string? AppserviceId { get; init; }
}

public sealed class DeleteAliasValidator : AbstractValidator<DeleteAlias>
{
    public DeleteAliasValidator() => RuleFor(command => command.Alias)
        .Must(alias => RoomAlias.TryParse(alias, out _)).WithMessage("This is no room alias.");
}

public sealed class DeleteAliasHandler(IRoomserver rooms, AliasBook aliases, AppserviceSet? appservices = null)
    : IRequestHandler<DeleteAlias, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(DeleteAlias command, CancellationToken cancellationToken)
    {
        var alias = RoomAlias.Parse(command.Alias);
        if (!command.IsAdmin && appservices?.FindProblemOfAlias(alias, command.AppserviceId) is { } exclusive)
            return exclusive;
        var state = await aliases.FindAsync(alias);
        if (state.RoomId is not { } roomId)
            return RoomErrors.UnknownAlias;
        var reading = await rooms.ReadAsync(roomId, RoomTuples.Member(command.UserId), RoomTuples.CanonicalAlias);
        if (reading is RoomReading.Refused refused)
            return refused.Error;
        var view = (reading as RoomReading.Found)?.View;
        var mayDelete = command.IsAdmin
            || command.AppserviceId is not null
            || state.Creator == command.UserId
            || (view is not null && RoomPowers.MaySetAddresses(view, command.UserId));
        if (!mayDelete)
            return MatrixError.Forbidden("You do not have the power to delete this room alias.");
        var deleted = (await aliases.DeleteAsync(alias, command.UserId, command.Context)).ToResult(Unit.Value);
        return deleted is CommandResult<Unit>.Done && view is not null
            && RoomPowers.MaySetAddresses(view, command.UserId)
            ? await RemoveFromRoomAsync(command, view, deleted)
            : deleted;
    }

    /// <summary>The alias is gone whatever becomes of the room's event, so a refusal here is no refusal of the
    /// command.</summary>
    private async ValueTask<CommandResult<Unit>> RemoveFromRoomAsync(
        DeleteAlias command, RoomView view, CommandResult<Unit> deleted)
    {
        if (view.Get(RoomTuples.CanonicalAlias) is not { } standing
            || CanonicalAliasContent.Without(standing.Content, command.Alias) is not JsonElement content)
            return deleted;
        var send = new SendPdu(command.Context, command.UserId, EventTypes.CanonicalAlias, string.Empty, content);
        var answer = await rooms.PerformAsync(view.RoomId, send);
        return answer is RoomAnswer.Done ? answer.ToUnit() : deleted;
    }
}
