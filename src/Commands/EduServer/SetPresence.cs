using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>A user sets their presence and the message beside it.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3presenceuseridstatus.
/// Where presence is switched off the request is taken and changes nothing: clients send it without being asked.
/// </remarks>
public sealed record SetPresence(CommandContext Context, UserId UserId, PresenceState Presence, string? StatusMsg)
    : ICommand<Unit>;

public sealed class SetPresenceValidator : AbstractValidator<SetPresence>
{
    public SetPresenceValidator() => RuleFor(command => command.StatusMsg)
        .Must(text => text is null || Encoding.UTF8.GetByteCount(text) <= Limits.StatusMsgBytesMax)
        .WithErrorCode(ErrCodes.TooLarge)
        .WithMessage($"A status message may be at most {Limits.StatusMsgBytesMax} bytes long.");
}

public sealed class SetPresenceHandler(PresenceTracker presence) : IRequestHandler<SetPresence, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetPresence command, CancellationToken cancellationToken)
    {
        if (!presence.IsEnabled)
            return new CommandResult<Unit>.Done(Unit.Value, LogPosition.Start);
        var statusMsg = command.StatusMsg is { Length: > 0 } text ? text : null;
        return (await presence.SetAsync(command.UserId, command.Presence, statusMsg, command.Context))
            .ToResult(Unit.Value);
    }
}
