using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.EduServer;

/// <summary>A user began to type in a room, went on, or stopped: <c>eduserver.typing_changed.v1</c>, stream
/// <c>typing-…</c>, which keeps only its last records.</summary>
/// <remarks>
/// Shape: Typists is everybody who types after it, in the order of their beginning, so that the last fact alone says
/// how the room is. IsContinued: the user typed already and the list of names is as before; only the time moved.
/// Consumers: replace the room's list. A user whose time is over gets a fact of their own; nobody else counts time.
/// </remarks>
public sealed record TypingChanged(
    RoomId RoomId, UserId UserId, bool IsTyping, bool IsContinued, ImmutableArray<Typist> Typists) : IFact;

/// <summary>Somebody who types. Units: UntilMs, Unix milliseconds after which they count as having stopped.</summary>
public sealed record Typist(UserId UserId, long UntilMs);

/// <summary>A user has read up to an event: <c>eduserver.receipt_recorded.v1</c>, stream <c>receipts-…</c>.</summary>
/// <remarks>
/// Shape: Type is <c>m.read</c> or <c>m.read.private</c>. ThreadId is null for an unthreaded receipt, <c>main</c>, or
/// the id of a thread's root. Units: Ts, Unix milliseconds.
/// Consumers: replace the receipt of the same room, user, type and thread. A private one concerns its user alone.
/// </remarks>
public sealed record ReceiptRecorded(
    RoomId RoomId, UserId UserId, string Type, EventId EventId, string? ThreadId, long Ts) : IFact;

/// <summary>The spec's words for presence. The names are stored.</summary>
public enum PresenceState
{
    Offline,
    Online,
    Unavailable,
}

/// <summary>A user's presence, as it now is: <c>eduserver.presence_changed.v1</c>, stream <c>presence-…</c>, which
/// keeps only its last records.</summary>
/// <remarks>
/// Shape: a snapshot, never a delta. Units: LastActiveMs and ChangedAtMs, Unix milliseconds of this server's clock.
/// IsRepeated: nothing changed but ChangedAtMs; it is said again for other servers, who forget whom they hear nothing
/// of.
/// Consumers: replace what was known of the user. While IsCurrentlyActive, LastActiveMs is the least it can be.
/// </remarks>
public sealed record PresenceChanged(
    UserId UserId,
    PresenceState Presence,
    string? StatusMsg,
    long LastActiveMs,
    bool IsCurrentlyActive,
    long ChangedAtMs,
    bool IsRepeated = false) : IFact;
