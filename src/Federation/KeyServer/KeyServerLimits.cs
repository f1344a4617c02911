namespace Matrix.EventSourced.Federation.KeyServer;

/// <summary>Bounds of what is asked of other servers about keys.</summary>
internal static class KeyServerLimits
{
    /// <summary>LIMIT: device lists that one query asks a server for one by one, so as to keep them. Ours: of more
    /// users it is asked in one request, and nothing is kept.</summary>
    public const int ListsPerQueryMax = 10;

    /// <summary>LIMIT: device lists of one server that wait to be fetched. Ours: the tables know the others.</summary>
    public const int ListsWaitingMax = 1_000;

    /// <summary>LIMIT: outdated lists that are read from the tables at once. Ours.</summary>
    public const int DutiesMax = 10_000;

    /// <summary>LIMIT: devices of one user. Ours: people have a few, bots some hundred.</summary>
    public const int DevicesPerUserMax = 2_000;

    /// <summary>LIMIT: bytes of a device's name. Ours: as long as our own users' may be, and more.</summary>
    public const int DisplayNameCharsMax = 1_000;

    /// <summary>How long to wait after the first failure to reach a server; doubles.</summary>
    public static readonly TimeSpan BackoffFirst = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan BackoffMax = TimeSpan.FromHours(1);
}
