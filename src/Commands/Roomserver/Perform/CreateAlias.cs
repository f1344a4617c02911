using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Lets an alias point to a room: PUT /directory/room/{roomAlias}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3directoryroomroomalias; the rule is ours: any member of the room
/// may.
/// Errors: M_INVALID_PARAM for aliases of other servers; M_UNKNOWN (409) when it points somewhere already; M_FORBIDDEN
/// for who is not in the room; M_EXCLUSIVE for aliases of application services.
/// </remarks>
public sealed record CreateAlias(CommandContext Context, UserId UserId, string Alias, RoomId RoomId) : ICommand<Unit>
{
    /// <summary>The application service that asks; it need not be in the room.</summary>
    public string? AppserviceId { get; init; }
}

public sealed class CreateAliasValidator : AbstractValidator<CreateAlias>
{
    public CreateAliasValidator() => RuleFor(command => command.Alias)
        .Must(alias => RoomAlias.TryParse(alias, out _)).WithMessage("This is no room alias.");
}

public sealed class CreateAliasHandler(IRoomserver rooms, AliasBook aliases, AppserviceSet? appservices = null)
    : IRequestHandler<CreateAlias, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(CreateAlias command, CancellationToken cancellationToken)
    {
        var alias = RoomAlias.Parse(command.Alias);
        if (!aliases.IsOurs(alias))
            return MatrixError.InvalidParam("Aliases of other servers cannot be made here.");
        if (appservices?.FindProblemOfAlias(alias, command.AppserviceId) is { } exclusive)
            return exclusive;
        switch (await rooms.ReadAsync(command.RoomId, RoomTuples.Member(command.UserId)))
        {
            case RoomReading.Refused refused:
                return refused.Error;
            case RoomReading.Found found when command.AppserviceId is not null
                || found.View.MembershipOf(command.UserId) == Membership.Join:
                break;
            default:
                return RoomErrors.NotInRoom;
        }
        var taken = new MatrixError(409, ErrCodes.Unknown, $"The room alias {alias} exists already.");
        return (await aliases.CreateAsync(
            alias, command.RoomId, command.UserId, taken, command.Context)).ToResult(Unit.Value);
    }
}
