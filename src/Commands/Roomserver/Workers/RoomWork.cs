using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>One thing that waits in a room's queue.</summary>
internal abstract class RoomWork
{
    public abstract void Refuse(MatrixError error);
}

internal sealed class CommandWork(RoomCommand command) : RoomWork
{
    private readonly TaskCompletionSource<RoomAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RoomCommand Command => command;

    public Task<RoomAnswer> Answered => _answer.Task;

    public bool IsAnswered => _answer.Task.IsCompleted;

    public void Answer(RoomAnswer answer) => _answer.TrySetResult(answer);

    public override void Refuse(MatrixError error) => Answer(new RoomAnswer.Refused(error));
}

internal sealed class InputWork(RoomInput input) : RoomWork
{
    private readonly TaskCompletionSource<InputAnswer> _answer = new(
        TaskCreationOptions.RunContinuationsAsynchronously);

    public RoomInput Input => input;

    public Task<InputAnswer> Answered => _answer.Task;

    public bool IsAnswered => _answer.Task.IsCompleted;

    public void Answer(InputAnswer answer) => _answer.TrySetResult(answer);

    public override void Refuse(MatrixError error) => Answer(new InputAnswer.Refused(error));
}

internal sealed class ReadWork(IReadOnlyList<StateTuple> tuples, Func<IRoomLoader, ValueTask>? load) : RoomWork
{
    private readonly TaskCompletionSource<RoomReading> _answer = new(
        TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<StateTuple> Tuples => tuples;

    /// <summary>What else is wanted, known only once the room is seen; then all that is loaded is handed
    /// out.</summary>
    public Func<IRoomLoader, ValueTask>? Load => load;

    public Task<RoomReading> Answered => _answer.Task;

    public void Answer(RoomReading reading) => _answer.TrySetResult(reading);

    public override void Refuse(MatrixError error) => Answer(new RoomReading.Refused(error));
}
