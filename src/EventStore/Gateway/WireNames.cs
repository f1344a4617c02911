using System.Text;
using Google.Protobuf;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Stream names as the protocol writes them: UTF-8 bytes.</summary>
internal static class WireNames
{
    /// <summary>LIMIT: bytes of a stream's name, of a record's type. Ours: many times what a Matrix id needs.</summary>
    private const int NameBytesMax = 4096;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The name; throws a <see cref="GatewayRefusal"/> for one that no stream has.</summary>
    public static StreamName Read(StreamIdentifier? identifier)
    {
        var bytes = (identifier?.StreamName ?? ByteString.Empty).Span;
        if (bytes.IsEmpty)
            throw GatewayRefusal.BadRequest("A stream name is needed.");
        string name;
        try
        {
            name = bytes.Length <= NameBytesMax ? Strict.GetString(bytes) : string.Empty;
        }
        catch (DecoderFallbackException)
        {
            throw GatewayRefusal.BadRequest("A stream name is UTF-8.");
        }
        if (!IsName(name) || name == "$all")
            throw GatewayRefusal.BadRequest("This name cannot be a stream's.");
        return StreamName.FromStored(name);
    }

    /// <summary>Whether the log can keep it as a stream's name or a record's type.</summary>
    public static bool IsName(string text) =>
        text.Length is > 0 and <= NameBytesMax && !text.Contains('\0', StringComparison.Ordinal);

    public static StreamIdentifier Write(StreamName stream) =>
        new() { StreamName = ByteString.CopyFromUtf8(stream.Value) };
}
