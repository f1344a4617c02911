using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>What all commands have, whatever they answer.</summary>
public interface ICommand
{
    CommandContext Context { get; }
}

/// <summary>A message to the write side: one handler, one <see cref="CommandResult{T}"/>.</summary>
public interface ICommand<T> : IRequest<CommandResult<T>>, ICommand;

/// <summary>Who asks, when, and in which request: the source of every fact's metadata.</summary>
/// <remarks>Units: ReceivedAtMs, Unix milliseconds. Shape: CorrelationId is the request's trace id.</remarks>
public sealed record CommandContext(Facts.FactActor Actor, long ReceivedAtMs, string CorrelationId);

/// <summary>The answer to a command: done, or refused in the spec's terms.</summary>
public abstract record CommandResult<T> : IRefusable<CommandResult<T>>
{
    private CommandResult() { }

    /// <summary>Done, and durable up to <paramref name="Position"/> (Start when nothing had to be written).</summary>
    public sealed record Done(T Value, LogPosition Position) : CommandResult<T>;

    public sealed record Refused(MatrixError Error) : CommandResult<T>;

    public static implicit operator CommandResult<T>(MatrixError error) => new Refused(error);

    static CommandResult<T> IRefusable<CommandResult<T>>.Refuse(MatrixError error) => new Refused(error);
}
