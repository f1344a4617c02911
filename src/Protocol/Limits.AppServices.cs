namespace Matrix.EventSourced.Protocol;

/// <content>Bounds of application services.</content>
public static partial class Limits
{
    /// <summary>LIMIT: characters of a namespace's pattern. Ours: bridges use some forty.</summary>
    public const int AppservicePatternLengthMax = 4_096;

    /// <summary>LIMIT: characters of an application service's id, which names a stream. Ours.</summary>
    public const int AppserviceIdLengthMax = 255;

    /// <summary>LIMIT: events of one transaction to an application service. Ours: the spec has no bound; other servers
    /// send as many.</summary>
    public const int AppserviceEventsMax = 100;

    /// <summary>LIMIT: ephemeral events of one transaction. Ours: as of a federation transaction.</summary>
    public const int AppserviceEphemeralMax = 100;

    /// <summary>LIMIT: bytes of a transaction after which it takes no further event. Ours: what small HTTP servers take
    /// by default.</summary>
    public const int AppserviceTransactionBytesMax = 512 * 1_024;

    /// <summary>LIMIT: bytes of an answer of an application service that are read. Ours: lists of portal rooms are the
    /// largest.</summary>
    public const int AppserviceAnswerBytesMax = 4 * 1_024 * 1_024;

    /// <summary>LIMIT: records that an application service's stream keeps. Ours: the last one says everything; some
    /// more for people.</summary>
    public const int AppserviceRecordsMax = 32;
}
