using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Makes a read see every write that finished before it.</summary>
/// <remarks>
/// Waits until the named projections have applied the log's head as it was at the call. Bounded; a time-out is counted,
/// logged and answered with the position reached, never with an error. Cost: two memory reads when nothing is
/// outstanding (embedded log).
/// </remarks>
public interface IProjectionGate
{
    /// <summary>Waits for the head of the log as of this call; returns the position that all named projections have
    /// reached.</summary>
    ValueTask<LogPosition> WaitForHeadAsync(ReadOnlyMemory<string> projections, CancellationToken cancellationToken);

    /// <summary>The same for those who decide by what they read: what is older than the head is no answer for
    /// them.</summary>
    /// <remarks>Errors: <see cref="ProjectionBehindException"/> when the head was not reached in time, or the projection
    /// has stopped.</remarks>
    ValueTask<LogPosition> RequireHeadAsync(ReadOnlyMemory<string> projections, CancellationToken cancellationToken);

    /// <summary>Waits for one position; for a reader that knows what it wrote or was given a token.</summary>
    ValueTask<LogPosition> WaitForAsync(
        ReadOnlyMemory<string> projections,
        LogPosition position,
        CancellationToken cancellationToken);
}

/// <summary>A projection is so far behind the log that a decision cannot rest on it; it may be tried again.</summary>
public sealed class ProjectionBehindException(string message) : TimeoutException(message);

/// <summary>Which PostgreSQL schema serves a projection at the moment; queries ask each time, because a rebuild
/// switches it.</summary>
public interface IProjectionSchemas
{
    /// <summary>The schema of the live version, quoted where needed, ready to stand before a dot in SQL.</summary>
    string Live(string projection);
}
