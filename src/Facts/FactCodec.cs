using System.Text.Json;
using Matrix.EventSourced.Facts.Schema;

namespace Matrix.EventSourced.Facts;

/// <summary>Turns facts into the stored name and bytes of a record, and back.</summary>
/// <remarks>
/// Ensures: Decode(Encode(fact)) equals the fact; equal facts have equal bytes.
/// Errors: Decode throws <see cref="UnknownFactException"/> for a name that is neither current nor has an upcaster, and
/// <see cref="MalformedFactException"/> for bytes that do not fit the name; both name it. Whoever reads the log stops
/// there.
/// </remarks>
public static class FactCodec
{
    public static (string Type, byte[] Data) Encode(IFact fact)
    {
        var entry = FactSchema.Find(fact.GetType())
            ?? throw new ArgumentException($"{fact.GetType()} stands in no row of the log schema.", nameof(fact));
        return (entry.Name, entry.Encode(fact));
    }

    /// <remarks>Requires: nobody writes to <paramref name="data"/> any more; a decoded fact may keep slices of
    /// it.</remarks>
    public static IFact Decode(string type, ReadOnlyMemory<byte> data) => Decode(type, data, FactUpcasters.Current);

    /// <summary>Whether <see cref="Decode(string, ReadOnlyMemory{byte})"/> can read records of this name.</summary>
    public static bool Knows(string type) => FactSchema.Find(type) is not null || FactUpcasters.Current.Knows(type);

    public static byte[] EncodeMetadata(FactMetadata metadata) => FactMetadataJson.Write(metadata);

    public static FactMetadata DecodeMetadata(ReadOnlyMemory<byte> metadata)
    {
        try
        {
            return FactMetadataJson.Read(metadata.Span);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException)
        {
            throw new MalformedFactException("metadata", problem.Message, problem);
        }
    }

    internal static IFact Decode(string type, ReadOnlyMemory<byte> data, FactUpcasters upcasters)
    {
        var (name, current) = upcasters.Upcast(type, data);
        var entry = FactSchema.Find(name) ?? throw new UnknownFactException(type);
        try
        {
            return entry.Decode(current);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException)
        {
            throw new MalformedFactException(type, problem.Message, problem);
        }
    }
}
