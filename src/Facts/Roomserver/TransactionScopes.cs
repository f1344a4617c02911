namespace Matrix.EventSourced.Facts.Roomserver;

/// <summary>Values of <see cref="PduRecorded.TransactionScope"/> that readers know.</summary>
public static class TransactionScopes
{
    /// <summary>The event was delayed: its transaction id is the delay_id that its sender knows it by.</summary>
    public const string DelayedEvent = "delayed_event";
}
