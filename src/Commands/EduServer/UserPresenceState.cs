using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>A user's presence: the last fact of <c>presence-…</c>.</summary>
public sealed record UserPresenceState : IAggregateState<UserPresenceState>
{
    public static UserPresenceState Initial { get; } = new();

    public static bool LastRecordOnly => true;

    /// <summary>Null where nothing was ever said.</summary>
    public PresenceChanged? Last { get; init; }

    public PresenceState Presence => Last?.Presence ?? PresenceState.Offline;

    public bool IsCurrentlyActive => Last?.IsCurrentlyActive ?? false;

    public UserPresenceState Evolve(IFact fact) => fact is PresenceChanged changed ? new() { Last = changed } : this;
}
