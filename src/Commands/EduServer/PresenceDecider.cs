using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>What is known of a local user beside the log: what they did, and whether they are connected.</summary>
/// <remarks>Units: all Unix milliseconds. AwayAtMs: when they go offline unless they are seen again; the end of time
/// while a /sync is under way. OnlineUntilMs: the same for the clients that want to be shown as online.</remarks>
public sealed record PresenceSigns(long LastActiveMs, long AwayAtMs, long OnlineUntilMs);

/// <summary>Decides what is written to <c>presence-…</c>. Pure.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #presence, #last-active-ago, #idle-timeout.
/// <code>
///   offline ──poll──► online, active ──1 min without activity──► online ──5 min──► unavailable ──activity──► online
///      ▲                                                                                │
///      └──────────────────────── no poll for half a minute ◄───────────────────────────┘
/// </code>
/// Who stays as they are is said to do so now and then. A user of another server, of whom that is not said, is
/// forgotten.
/// </remarks>
public static class PresenceDecider
{
    /// <summary>The user says it themselves.</summary>
    public static Decision Set(
        UserPresenceState state, UserId user, PresenceState presence, string? statusMsg, long nowMs) =>
        Change(state, new PresenceChanged(
            user, presence, statusMsg, nowMs, presence == PresenceState.Online, nowMs));

    /// <summary>A client polls, and wants its user to be shown like this.</summary>
    public static Decision Poll(
        UserPresenceState state, UserId user, PresenceState wanted, PresenceSigns signs, long nowMs)
    {
        // An idle client says nothing against one that is in use.
        var isHidden = wanted == PresenceState.Unavailable
            && state.Presence == PresenceState.Online && nowMs >= signs.OnlineUntilMs;
        if (state.Presence != PresenceState.Offline && !isHidden)
            return Decision.Nothing;
        return Change(state, With(
            state, user, wanted, signs.LastActiveMs, wanted == PresenceState.Online, nowMs));
    }

    /// <summary>The user did something. Who is offline while doing so wants to stay so.</summary>
    public static Decision Act(UserPresenceState state, UserId user, long nowMs) =>
        state.Presence == PresenceState.Offline || state is { Presence: PresenceState.Online, IsCurrentlyActive: true }
            ? Decision.Nothing
            : Change(state, With(state, user, PresenceState.Online, nowMs, isActive: true, nowMs));

    /// <summary>Time passed.</summary>
    public static Decision Age(UserPresenceState state, UserId user, PresenceSigns signs, long nowMs)
    {
        if (state.Presence == PresenceState.Offline)
            return Decision.Nothing;
        var idleMs = nowMs - signs.LastActiveMs;
        if (nowMs >= signs.AwayAtMs)
            return Change(state, With(state, user, PresenceState.Offline, signs.LastActiveMs, false, nowMs));
        if (state.Presence == PresenceState.Online && idleMs >= Limits.PresenceIdleMs)
            return Change(state, With(state, user, PresenceState.Unavailable, signs.LastActiveMs, false, nowMs));
        if (state.IsCurrentlyActive && idleMs >= Limits.PresenceActiveMs)
            return Change(state, With(state, user, state.Presence, signs.LastActiveMs, false, nowMs));
        return nowMs >= state.Last!.ChangedAtMs + Limits.PresenceRepeatMs
            ? Decision.Accept(state.Last with { ChangedAtMs = nowMs, IsRepeated = true })
            : Decision.Nothing;
    }

    /// <summary>Nothing was heard of a user of another server for too long.</summary>
    public static Decision Forget(UserPresenceState state, UserId user, long nowMs) =>
        state.Presence == PresenceState.Offline
            ? Decision.Nothing
            : Change(state, With(state, user, PresenceState.Offline, state.Last!.LastActiveMs, false, nowMs));

    /// <summary>When <see cref="Age"/> will next have something to say; null for never.</summary>
    public static long? NextAgeMs(UserPresenceState state, PresenceSigns signs)
    {
        if (state.Presence == PresenceState.Offline)
            return null;
        var next = Math.Min(signs.AwayAtMs, state.Last!.ChangedAtMs + Limits.PresenceRepeatMs);
        if (state.Presence == PresenceState.Online)
            next = Math.Min(next, signs.LastActiveMs + Limits.PresenceIdleMs);
        if (state.IsCurrentlyActive)
            next = Math.Min(next, signs.LastActiveMs + Limits.PresenceActiveMs);
        return next;
    }

    /// <summary>Nothing, where readers would see no difference.</summary>
    internal static Decision Change(UserPresenceState state, PresenceChanged changed)
    {
        var last = state.Last;
        var isSame = last is not null
            && last.Presence == changed.Presence
            && last.StatusMsg == changed.StatusMsg
            && last.IsCurrentlyActive == changed.IsCurrentlyActive
            && (changed.IsCurrentlyActive || last.LastActiveMs == changed.LastActiveMs);
        return isSame ? Decision.Nothing : Decision.Accept(changed);
    }

    private static PresenceChanged With(
        UserPresenceState state, UserId user, PresenceState presence, long lastActiveMs, bool isActive, long nowMs) =>
        new(user, presence, state.Last?.StatusMsg, lastActiveMs, isActive, nowMs);
}
