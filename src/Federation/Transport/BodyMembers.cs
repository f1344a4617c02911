using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>The members of a JSON object as slices of its bytes, found in one pass.</summary>
/// <remarks>Shape: the last one wins where a name comes twice. Errors: JsonException for what is no JSON object.
/// </remarks>
internal sealed class BodyMembers
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = Limits.JsonDepthMax };

    private readonly List<(string Name, ReadOnlyMemory<byte> Value)> _members = [];

    private BodyMembers()
    {
    }

    public static BodyMembers Read(ReadOnlyMemory<byte> body)
    {
        var reader = new Utf8JsonReader(body.Span, Options);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("It is no object.");
        var members = new BodyMembers();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            members._members.Add((name, Slice(ref reader, body)));
        }
        return members;
    }

    public ReadOnlyMemory<byte>? Find(ReadOnlySpan<byte> name)
    {
        var text = System.Text.Encoding.UTF8.GetString(name);
        for (var i = _members.Count - 1; i >= 0; i--)
        {
            if (_members[i].Name == text)
                return _members[i].Value;
        }
        return null;
    }

    /// <summary>The objects of an array, or null if the member is none of objects only.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>>? FindList(ReadOnlySpan<byte> name)
    {
        if (Find(name) is not { } list || list.Span[0] != '[')
            return null;
        var elements = Elements(list);
        foreach (var element in elements)
        {
            if (element.Span[0] != '{')
                return null;
        }
        return elements;
    }

    public static ImmutableArray<ReadOnlyMemory<byte>> Elements(ReadOnlyMemory<byte> array)
    {
        var reader = new Utf8JsonReader(array.Span, Options);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("It is no array.");
        var elements = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            elements.Add(Slice(ref reader, array));
        return elements.ToImmutable();
    }

    private static ReadOnlyMemory<byte> Slice(ref Utf8JsonReader reader, ReadOnlyMemory<byte> body)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return body[start..(int)reader.BytesConsumed];
    }
}
