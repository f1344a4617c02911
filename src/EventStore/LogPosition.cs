using System.Globalization;

namespace Matrix.EventSourced.EventStore;

/// <summary>The place of a record in the whole log: the one clock of the server.</summary>
/// <remarks>
/// Shape: grows with every record, never dense (EventStoreDB's positions are byte offsets); 0 is "before the first
/// record". A sync token, a checkpoint, a destination's progress and a backup are all this one number.
/// </remarks>
public readonly record struct LogPosition(ulong Value) : IComparable<LogPosition>
{
    /// <summary>Before the first record of the log.</summary>
    public static readonly LogPosition Start;

    public int CompareTo(LogPosition other) => Value.CompareTo(other.Value);

    public static bool operator <(LogPosition left, LogPosition right) => left.Value < right.Value;
    public static bool operator >(LogPosition left, LogPosition right) => left.Value > right.Value;
    public static bool operator <=(LogPosition left, LogPosition right) => left.Value <= right.Value;
    public static bool operator >=(LogPosition left, LogPosition right) => left.Value >= right.Value;

    public static LogPosition Max(LogPosition left, LogPosition right) => left > right ? left : right;
    public static LogPosition Min(LogPosition left, LogPosition right) => left < right ? left : right;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
