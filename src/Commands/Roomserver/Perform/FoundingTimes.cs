namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>The times at which rooms are created: now, and never the same one twice.</summary>
/// <remarks>
/// Where the create event makes the room's id, two rooms that one user creates alike in one millisecond would be the
/// same room.
/// </remarks>
public sealed class FoundingTimes(TimeProvider clock)
{
    private long _lastMs;

    /// <summary>Unix milliseconds; ahead of the clock by as much as rooms come faster than one in a
    /// millisecond.</summary>
    public long Next()
    {
        while (true)
        {
            var last = Volatile.Read(ref _lastMs);
            var next = Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds(), last + 1);
            if (Interlocked.CompareExchange(ref _lastMs, next, last) == last)
                return next;
        }
    }
}
