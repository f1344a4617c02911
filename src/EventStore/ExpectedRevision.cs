namespace Matrix.EventSourced.EventStore;

/// <summary>What the writer believes the stream's last revision to be.</summary>
/// <remarks>Shape: an exact revision counts from 0; <see cref="NoStream"/> means that the stream must not exist yet (or
/// was deleted).</remarks>
public readonly record struct ExpectedRevision
{
    private readonly long _value;

    private ExpectedRevision(long value) => _value = value;

    /// <summary>Append whatever the stream holds.</summary>
    public static readonly ExpectedRevision Any = new(-2);

    /// <summary>The stream must not exist.</summary>
    public static readonly ExpectedRevision NoStream = new(-1);

    /// <summary>The stream must exist, at any revision.</summary>
    public static readonly ExpectedRevision StreamExists = new(-4);

    public static ExpectedRevision Exactly(long revision)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(revision);
        return new(revision);
    }

    /// <summary>The exact revision, or null for the three that are none.</summary>
    public long? Revision => _value >= 0 ? _value : null;

    /// <summary>Whether a stream whose last revision is <paramref name="actual"/> (null: no stream) is as
    /// expected.</summary>
    public bool Admits(long? actual) => _value switch
    {
        -2 => true,
        -1 => actual is null,
        -4 => actual is not null,
        _ => actual == _value,
    };

    public override string ToString() => _value switch
    {
        -2 => "any",
        -1 => "no stream",
        -4 => "stream exists",
        _ => _value.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
