using System.Globalization;
using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>A point in the log's history: up to a position, or up to a time.</summary>
/// <remarks>Shape: exactly one of the two is set. Both include what stands right there. Units: TimeMs, Unix
/// milliseconds of the log's clock.</remarks>
public readonly record struct AuditPoint(LogPosition? Position, long? TimeMs)
{
    /// <summary>The end of the log.</summary>
    public static readonly AuditPoint End = new(new LogPosition(long.MaxValue), null);

    /// <summary>The empty log.</summary>
    public static readonly AuditPoint Beginning = new(LogPosition.Start, null);

    /// <summary>Whether the record stands at or before the point.</summary>
    public bool Includes(LogRecord record) =>
        Position is { } position ? record.Position <= position : record.CreatedMs <= TimeMs;

    /// <summary>Reads a position (digits) or a time (<c>2026-11-26</c>, <c>2026-11-26T08:30:00Z</c>; UTC where it does
    /// not say).</summary>
    public static bool TryParse(string text, out AuditPoint point)
    {
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            && position <= long.MaxValue)
        {
            point = new(new LogPosition(position), null);
            return true;
        }
        var isTime = DateTimeOffset.TryParse(
            text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var time);
        point = isTime && text.Contains('-') ? new(null, time.ToUnixTimeMilliseconds()) : default;
        return point != default;
    }
}
