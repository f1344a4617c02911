namespace Matrix.EventSourced.Protocol;

/// <content>Bounds of the Roomserver.</content>
public static partial class Limits
{
    /// <summary>LIMIT: commands waiting at one room. Ours: a busy room's senders wait here instead of piling up in
    /// memory.</summary>
    public const int RoomQueueMax = 1_024;

    /// <summary>LIMIT: commands of a room that go into one append. Ours: one flush for many senders, and answers that
    /// stay prompt.</summary>
    public const int RoomBatchMax = 64;

    /// <summary>LIMIT: bytes of records after which a room appends what it has. Ours: below the 1 MiB that one append
    /// may hold.</summary>
    public const int RoomAppendBytesMax = 512 * 1_024;

    /// <summary>LIMIT: rooms whose workers stay in memory. Ours: some 20 KiB each for an ordinary room.</summary>
    public const int RoomsActiveMax = 2_048;

    /// <summary>LIMIT: parsed state entries that a room keeps for its decisions. Ours: all of an ordinary
    /// room.</summary>
    public const int RoomEntriesMax = 1_024;

    /// <summary>LIMIT: answers to transaction ids that a room keeps in memory. Ours: a shortcut, the log knows all of
    /// them.</summary>
    public const int RoomTransactionsMax = 256;

    /// <summary>LIMIT: annotations that a room keeps in memory. Ours: more than come between a look at the tables and
    /// the room's decision.</summary>
    public const int RoomAnnotationsMax = 256;

    /// <summary>LIMIT: candidates whose membership is looked up to authorise a restricted join. Ours: moderators are
    /// few.</summary>
    public const int RestrictedJoinAuthorisersMax = 50;

    /// <summary>LIMIT: rooms that a join rule may name and that are looked at. Ours: the rule's author chooses the
    /// number.</summary>
    public const int RestrictedJoinRoomsMax = 50;

    /// <summary>LIMIT: rooms that a changed profile is carried into at once. Ours: enough to share flushes, few enough
    /// to leave the log to others.</summary>
    public const int ProfilePropagationsMax = 32;

    /// <summary>LIMIT: user ids that one createRoom invites. Ours: they share one append of at most 1 MiB with the
    /// room.</summary>
    public const int CreateRoomInvitesMax = 200;

    /// <summary>LIMIT: third-party identifiers that one createRoom invites. Ours: an identity server is asked for each,
    /// and writes to somebody.</summary>
    public const int CreateRoomThirdPartyInvitesMax = 20;

    /// <summary>LIMIT: characters of a third-party identifier or its kind. Ours: an e-mail address has 254 at
    /// most.</summary>
    public const int ThirdPartyIdentifierCharsMax = 500;

    /// <summary>LIMIT: invites of one notice that an address was bound. Ours: anybody may send such a notice.</summary>
    public const int BoundInvitesMax = 50;
}
