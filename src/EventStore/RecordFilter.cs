using System.Text.RegularExpressions;

namespace Matrix.EventSourced.EventStore;

/// <summary>Which records a subscription or a read of the whole log lets through; null members let everything
/// through.</summary>
/// <remarks>Shape: prefixes, ordinal; a record passes when it passes every list and every pattern. Without
/// <see cref="WithSystemRecords"/> records of streams whose name begins with <c>$</c> never pass.</remarks>
public sealed record RecordFilter(
    IReadOnlyList<string>? StreamPrefixes = null, IReadOnlyList<string>? TypePrefixes = null)
{
    /// <summary>What somebody sees who asks for no filter: every record but the system's.</summary>
    public static readonly RecordFilter Default = new();

    /// <summary>Every record of the log.</summary>
    public static readonly RecordFilter Everything = new() { WithSystemRecords = true };

    /// <summary>A pattern that must be found in the stream's name.</summary>
    public Regex? StreamPattern { get; init; }

    /// <summary>A pattern that must be found in the record's type.</summary>
    public Regex? TypePattern { get; init; }

    /// <summary>Whether records of system streams (<c>$$…</c>: the metadata of streams) pass too.</summary>
    public bool WithSystemRecords { get; init; }

    public bool Passes(LogRecord record) =>
        (WithSystemRecords || !record.Stream.IsSystem)
        && PassesOne(StreamPrefixes, record.Stream.Value)
        && PassesOne(TypePrefixes, record.Type)
        && StreamPattern?.IsMatch(record.Stream.Value) != false
        && TypePattern?.IsMatch(record.Type) != false;

    private static bool PassesOne(IReadOnlyList<string>? prefixes, string value)
    {
        if (prefixes is null)
            return true;
        for (var i = 0; i < prefixes.Count; i++)
        {
            if (value.StartsWith(prefixes[i], StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
