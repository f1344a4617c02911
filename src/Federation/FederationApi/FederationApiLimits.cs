namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Bounds of what other servers may ask for, and of what we ask them for.</summary>
internal static class FederationApiLimits
{
    /// <summary>LIMIT: PDUs that are asked for to fill a gap. Ours: a short absence; longer ones are bridged by the
    /// state.</summary>
    public const int MissingEventsMax = 50;

    /// <summary>LIMIT: single PDUs that are fetched one by one before the whole state is asked for. Ours.</summary>
    public const int SingleFetchesMax = 100;

    /// <summary>LIMIT: such fetches at once. Ours.</summary>
    public const int FetchesAtOnce = 8;

    /// <summary>LIMIT: PDUs of one answer to backfill and get_missing_events. Ours: others ask for 100 at
    /// most.</summary>
    public const int HistoryMax = 100;

    /// <summary>LIMIT: answers to transactions that are kept to be given again. Ours: retries come soon.</summary>
    public const int TransactionAnswersMax = 1_024;

    /// <summary>LIMIT: PDUs that are read from the tables at once. Ours.</summary>
    public const int ReadAtOnce = 5_000;
}
