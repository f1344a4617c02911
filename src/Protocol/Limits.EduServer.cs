namespace Matrix.EventSourced.Protocol;

/// <content>Bounds of typing, receipts and presence.</content>
public static partial class Limits
{
    /// <summary>LIMIT: how long one request says that a user types. Ours: clients repeat it within half a
    /// minute.</summary>
    public const int TypingMsMax = 120_000;

    /// <summary>How long a user types whose client does not say. Ours: what the spec's example asks for.</summary>
    public const int TypingMsDefault = 30_000;

    /// <summary>How long a user of another server types without a new EDU. Ours: twice what clients wait before they
    /// repeat it; the EDU itself carries no time.</summary>
    public const int TypingRemoteMs = 60_000;

    /// <summary>LIMIT: users who type in one room at once. Ours: the list is told whole with each change, and nobody
    /// reads a longer one.</summary>
    public const int TypistsMax = 50;

    /// <summary>LIMIT: records that a stream of typing or presence keeps. Ours: the last one says everything; some more
    /// for EDUs that are still on their way.</summary>
    public const int EduStreamRecordsMax = 32;

    /// <summary>LIMIT: events looked at to find the thread of one. Spec: client-server-api
    /// #threaded-read-receipts (3 hops recommended).</summary>
    public const int ThreadHopsMax = 3;

    /// <summary>When an online user without activity becomes unavailable. Spec: client-server-api #idle-timeout
    /// (5 minutes, as an example).</summary>
    public const int PresenceIdleMs = 5 * 60_000;

    /// <summary>How long after an activity a user counts as currently active. Ours: short of the idle timeout, long
    /// enough that one typing a letter makes few changes.</summary>
    public const int PresenceActiveMs = 60_000;

    /// <summary>How long after the end of their last /sync a user goes offline. Ours: a client that polls is back
    /// within a second, one that changes networks within half a minute.</summary>
    public const int PresenceAwayMs = 30_000;

    /// <summary>How often it is said again of a user who stays that they are there. Ours: before
    /// <see cref="PresenceRemoteMs"/> is over elsewhere.</summary>
    public const int PresenceRepeatMs = 25 * 60_000;

    /// <summary>How long a user of another server is there without a new EDU. Ours: what other servers count with
    /// also; a server that went away cannot say that its users are gone.</summary>
    public const int PresenceRemoteMs = 30 * 60_000;

    /// <summary>LIMIT: users of one <c>m.presence</c> that are looked at. Ours: other servers send fifty.</summary>
    public const int PresencesPerEduMax = 500;

    /// <summary>LIMIT: bytes of a status message. Ours: it is told to everybody who shares a room.</summary>
    public const int StatusMsgBytesMax = 1_024;
}
