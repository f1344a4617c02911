using System.Collections.Concurrent;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>Whose account data changed lately, so that a sync that finds nothing reads no table.</summary>
/// <remarks>LIMIT: <see cref="UsersMax"/> users; then it begins anew, and older questions go to the tables.</remarks>
public sealed class AccountDataRecency
{
    internal const int UsersMax = 100_000;

    private volatile Window _window = new(LogPosition.Start, IsKnown: false);

    /// <summary>Everything after this position is told by <see cref="Note"/>.</summary>
    public void BeginAt(LogPosition position) => _window = new Window(position, IsKnown: true);

    /// <summary>Requires: one caller at a time, in the order of the log.</summary>
    public void Note(UserId user, LogPosition position)
    {
        var window = _window;
        if (window.LastChange.TryAdd(user, position))
        {
            if (++window.Count > UsersMax)
                BeginAt(position);
        }
        else
        {
            window.LastChange[user] = position;
        }
    }

    /// <summary>False only when nothing changed after the position.</summary>
    public bool MayHaveChanged(UserId user, LogPosition after)
    {
        var window = _window;
        if (!window.IsKnown || after < window.Since)
            return true;
        return window.LastChange.TryGetValue(user, out var position) && position > after;
    }

    private sealed record Window(LogPosition Since, bool IsKnown)
    {
        public ConcurrentDictionary<UserId, LogPosition> LastChange { get; } = new();

        public int Count { get; set; }
    }
}
