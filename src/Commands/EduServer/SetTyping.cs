using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>A user types in a room, or does not.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3roomsroomidtypinguserid. Units: TimeoutMs, milliseconds; more than
/// the server allows is cut.
/// Errors: M_FORBIDDEN for who is not in the room.
/// </remarks>
public sealed record SetTyping(CommandContext Context, RoomId RoomId, UserId UserId, bool IsTyping, long TimeoutMs)
    : ICommand<Unit>;

public sealed class SetTypingValidator : AbstractValidator<SetTyping>
{
    public SetTypingValidator() => RuleFor(command => command.TimeoutMs)
        .GreaterThanOrEqualTo(0)
        .WithMessage("timeout must not be negative.");
}

public sealed class SetTypingHandler(TypingBook typing, RoomMembers members)
    : IRequestHandler<SetTyping, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetTyping command, CancellationToken cancellationToken)
    {
        if (await members.CheckJoinedAsync(command.RoomId, command.UserId) is { } refusal)
            return refusal;
        var timeoutMs = (int)Math.Min(command.TimeoutMs, Limits.TypingMsMax);
        var execution = command.IsTyping && timeoutMs > 0
            ? await typing.StartTypingAsync(command.RoomId, command.UserId, timeoutMs, command.Context)
            : await typing.StopTypingAsync(command.RoomId, command.UserId, command.Context);
        return execution.ToResult(Unit.Value);
    }
}
