using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>What became of a command on a stream.</summary>
public abstract record Execution<TState>
{
    private Execution() { }

    /// <summary>
    /// The stream is in state <paramref name="After"/>; <paramref name="Position"/> is that of its last record.
    /// </summary>
    public sealed record Done(TState Before, TState After, LogPosition Position) : Execution<TState>;

    public sealed record Refused(MatrixError Error) : Execution<TState>;

    /// <summary>The command's answer, for a command that writes one stream.</summary>
    public CommandResult<T> ToResult<T>(T value) => this switch
    {
        Done done => new CommandResult<T>.Done(value, done.Position),
        Refused refused => refused.Error,
        _ => throw new InvalidOperationException("An execution is done or refused."),
    };
}

/// <summary>
/// A stream's state, the revision it stands for (null: no stream), and the position of its last record.
/// </summary>
public sealed record Loaded<TState>(TState State, long? Revision, LogPosition Position);
