using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Matrix.EventSourced.Facts.Schema;

/// <summary>One member of a stored fact.</summary>
/// <remarks>Shape: <paramref name="Name"/> as stored; a trailing <c>?</c> of <paramref name="Shape"/> says that the
/// member may be absent.</remarks>
public sealed record FactField(string Name, string Shape, string Meaning);

/// <summary>One row of the log schema: everything there is to know about one stored name.</summary>
/// <remarks>Shape: <paramref name="Consumers"/> is the contract for whoever reads the fact.</remarks>
public sealed record FactDescription(
    string Name,
    Type Type,
    string Category,
    string Summary,
    string Consumers,
    IReadOnlyList<FactField> Fields)
{
    /// <summary>Makes the stored bytes of a fact of this type.</summary>
    public required Func<IFact, byte[]> Encode { get; init; }

    /// <summary>Reads them.</summary>
    public required Func<ReadOnlyMemory<byte>, IFact> Decode { get; init; }

    /// <summary>What the generated context says about the type; null for a fact with a writer of its own.</summary>
    internal JsonTypeInfo? TypeInfo { get; init; }

    /// <summary>A row whose bytes are made by the generated JSON context.</summary>
    internal static FactDescription Of<T>(
        string name,
        string category,
        JsonTypeInfo<T> typeInfo,
        string summary,
        string consumers,
        params IReadOnlyList<FactField> fields)
        where T : class, IFact => new(name, typeof(T), category, summary, consumers, fields)
        {
            Encode = fact => JsonSerializer.SerializeToUtf8Bytes((T)fact, typeInfo),
            Decode = data =>
                JsonSerializer.Deserialize(data.Span, typeInfo) ?? throw new JsonException("The fact is null."),
            TypeInfo = typeInfo,
        };
}
