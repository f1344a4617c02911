using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Puts a tag on a room, or takes it off where Value is null.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3useruseridroomsroomidtagstag,
/// #delete_matrixclientv3useruseridroomsroomidtagstag. The tags are the account data <c>m.tag</c> of the room.
/// Requires: Value is an object whose <c>order</c> was checked.
/// Errors: M_INVALID_PARAM for a name that is too long; M_TOO_LARGE. Taking off what is not there is no error.
/// </remarks>
public sealed record SetRoomTag(CommandContext Context, UserId UserId, RoomId RoomId, string Tag, RawJson? Value)
    : ICommand<Unit>;

public sealed class SetRoomTagValidator : AbstractValidator<SetRoomTag>
{
    public SetRoomTagValidator() =>
        RuleFor(command => command.Tag)
            .Must(tag => tag.Length > 0 && Encoding.UTF8.GetByteCount(tag) <= Limits.TagBytesMax)
            .WithMessage($"A tag has 1 to {Limits.TagBytesMax} bytes.");
}

public sealed class SetRoomTagHandler(AggregateStore<ClientConfigState> configs)
    : IRequestHandler<SetRoomTag, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetRoomTag command, CancellationToken cancellationToken)
    {
        var execution = await configs.ExecuteAsync(
            UserStreams.AccountData(command.UserId),
            state => ClientConfigDecider.SetTag(state, command.UserId, command.RoomId, command.Tag, command.Value),
            command.Context,
            cancellationToken);
        return execution.ToResult(Unit.Value);
    }
}
