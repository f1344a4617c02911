namespace Matrix.EventSourced.EventStore;

/// <summary>Which records of a bounded stream are still read.</summary>
internal static class StreamBounds
{
    /// <summary>The bounds of a new stream: of metadata only the last record counts.</summary>
    public static StreamMetadata Of(StreamName stream) => new(MaxCount: stream.IsMetadata ? 1 : null);

    /// <summary>The first revision that deletion, truncation and the count leave.</summary>
    /// <remarks>Shape: first, the first revision after the last deletion; head, the stream's last revision.</remarks>
    public static long FirstVisible(long first, long head, StreamMetadata metadata)
    {
        var visible = Math.Max(first, metadata.TruncateBefore ?? 0);
        return metadata.MaxCount is { } count ? Math.Max(visible, head - count + 1) : visible;
    }

    /// <summary>The creation time before which records are hidden; long.MinValue when age does not matter.</summary>
    public static long OldestVisibleMs(StreamMetadata metadata, long nowMs) =>
        metadata.MaxAge is { } age ? nowMs - (long)age.TotalMilliseconds : long.MinValue;

    public static bool IsVisible(
        long revision, long createdMs, long first, long head, StreamMetadata metadata, long nowMs) =>
        revision >= FirstVisible(first, head, metadata) && createdMs >= OldestVisibleMs(metadata, nowMs);
}
