namespace Matrix.EventSourced.Facts;

/// <summary>A record of our log, decoded. Each type has exactly one stored name and version, see
/// <see cref="Schema.FactSchema"/>.</summary>
public interface IFact;

/// <summary>A fact of the stream <c>room-…</c>.</summary>
public interface IRoomFact : IFact;

/// <summary>Raw JSON that a fact carries verbatim: UTF-8 bytes of one JSON value.</summary>
/// <remarks>Shape: equality is by bytes, so facts compare in tests. Never re-serialised: what was given is what is
/// stored and read.</remarks>
[System.Text.Json.Serialization.JsonConverter(typeof(RawJsonConverter))]
public readonly record struct RawJson(ReadOnlyMemory<byte> Utf8)
{
    public static RawJson FromText(string json) => new(System.Text.Encoding.UTF8.GetBytes(json));

    public bool Equals(RawJson other) => Utf8.Span.SequenceEqual(other.Utf8.Span);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Utf8.Span);
        return hash.ToHashCode();
    }

    public override string ToString() => System.Text.Encoding.UTF8.GetString(Utf8.Span);
}
