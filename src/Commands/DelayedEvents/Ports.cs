using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>Which delayed events wait; the read side is behind it.</summary>
/// <remarks>Ensures: sees every append that returned before the call.</remarks>
public interface IDelayedEventLookup
{
    /// <summary>How many of a user's wait, and when the first of them is to be sent; null for none. Units: Unix
    /// milliseconds.</summary>
    ValueTask<(int Count, long? FirstDueMs)> CountAsync(UserId userId, CancellationToken cancellationToken);

    /// <summary>Ids of those whose time is there, in the order of their times.</summary>
    ValueTask<IReadOnlyList<string>> FindDueAsync(long nowMs, int limit, CancellationToken cancellationToken);
}

/// <summary>How many events a user may send in a time.</summary>
public interface ISendingLimit
{
    /// <summary>Counts one; zero when it may be sent, else the milliseconds after which it might.</summary>
    long Take(UserId userId);
}

/// <summary>Bounds of delayed events. Shape: ScheduledMax 0 switches them off.</summary>
public sealed record DelayedEventOptions(int ScheduledMax, TimeSpan DelayMax)
{
    public bool IsEnabled => ScheduledMax > 0;

    public long DelayMaxMs => (long)DelayMax.TotalMilliseconds;
}
