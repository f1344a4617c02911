using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Matrix.EventSourced.Facts;

/// <summary>A writer and its buffer, kept per thread: a fact costs one allocation, the array that is stored.</summary>
// HOT
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001", Justification = "Lives as long as its thread; holds no resource.")]
internal sealed class FactJsonWriter
{
    /// <summary>LIMIT: a buffer that has grown beyond this is given back. Ours: most facts are a few KiB.</summary>
    private const int KeptBytesMax = 256 * 1024;

    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
        MaxDepth = FactJson.DepthMax,
    };

    [ThreadStatic]
    private static FactJsonWriter? s_ofThread;

    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private readonly Utf8JsonWriter _json;

    private FactJsonWriter() => _json = new Utf8JsonWriter(_buffer, Options);

    /// <summary>The thread's writer, empty. Requires: not used again before <see cref="ToArray"/>.</summary>
    public static Utf8JsonWriter Rent(out FactJsonWriter owner)
    {
        owner = s_ofThread ??= new FactJsonWriter();
        owner._buffer.ResetWrittenCount();
        owner._json.Reset(owner._buffer);
        return owner._json;
    }

    public byte[] ToArray()
    {
        _json.Flush();
        var bytes = _buffer.WrittenSpan.ToArray();
        if (_buffer.Capacity > KeptBytesMax)
            s_ofThread = null;
        return bytes;
    }
}
