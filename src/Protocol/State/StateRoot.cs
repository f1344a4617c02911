using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>The SHA-256 of a Merkle state map's root node: the id of a room state. Equal roots mean equal
/// state.</summary>
/// <remarks>Shape: 32 bytes; as text 43 characters of unpadded URL-safe base64. The same type names inner
/// nodes.</remarks>
[JsonConverter(typeof(StateRootJsonConverter))]
public readonly record struct StateRoot(ulong A, ulong B, ulong C, ulong D)
{
    public const int ByteCount = 32;
    public const int TextLength = 43;

    public static StateRoot FromBytes(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]));

    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, A);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], B);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], C);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], D);
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[ByteCount];
        WriteTo(bytes);
        return bytes;
    }

    public static bool TryParse(ReadOnlySpan<char> text, out StateRoot root)
    {
        Span<byte> bytes = stackalloc byte[ByteCount];
        if (text.Length != TextLength || !Base64Url.TryDecodeFromChars(text, bytes, out var written)
            || written != ByteCount)
        {
            root = default;
            return false;
        }
        root = FromBytes(bytes);
        return true;
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[ByteCount];
        WriteTo(bytes);
        return Base64Url.EncodeToString(bytes);
    }
}

internal sealed class StateRootJsonConverter : JsonConverter<StateRoot>
{
    public override StateRoot Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        StateRoot.TryParse(reader.GetString(), out var root) ? root : throw new JsonException("Not a state root.");

    public override void Write(Utf8JsonWriter writer, StateRoot value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
