using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Turns a room's answer into a command's result.</summary>
internal static class CommandAnswers
{
    public static CommandResult<T> To<T>(this RoomAnswer answer, Func<RoomAnswer.Done, T> value) => answer switch
    {
        RoomAnswer.Done done => new CommandResult<T>.Done(value(done), done.Position),
        RoomAnswer.Refused refused => refused.Error,
        _ => throw new InvariantException("a room's answer is Done or Refused"),
    };

    /// <summary>For commands whose answer is the id of their PDU.</summary>
    public static CommandResult<EventId> ToEventId(this RoomAnswer answer) => answer.To(static done =>
    {
        Invariant.Holds(done.EventId is not null, "what was sent has an event id");
        return done.EventId.Value;
    });

    public static CommandResult<Unit> ToUnit(this RoomAnswer answer) => answer.To(static _ => Unit.Value);
}
