using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Matrix.EventSourced.Protocol.Json;

/// <summary>The one encoding of a JSON value that servers hash and sign.</summary>
/// <remarks>
/// Spec: v1.19 appendices #canonical-json; rooms/v6 #canonical-json for where it is enforced.
/// Shape: UTF-8, no white space, keys in the order of their UTF-8 bytes (which is code point order), shortest escapes
/// in lower case.
/// Numbers keep their token, except for the forms that the spec's examples rewrite (<c>-0</c>, <c>1e10</c>): rooms of
/// versions 1 to 5
/// hold floats and large integers that must survive verbatim. <see cref="FindViolation(JsonElement)"/> is the strict
/// check.
/// Errors: text that no canonical form exists for (duplicate keys, half surrogates, nesting over
/// <see cref="Limits.JsonDepthMax"/>)
/// is refused by the Try methods and is a <see cref="FormatException"/> in the others.
/// Cost: one pass to read, one to write; only the result is allocated.
/// </remarks>
public static class CanonicalJson
{
    /// <summary>The canonical form of a value. Throws FormatException for what has none.</summary>
    public static byte[] Canonicalise(JsonElement value) => Canonicalise(JsonMarshal.GetRawUtf8Value(value));

    /// <inheritdoc cref="Canonicalise(JsonElement)"/>
    public static byte[] Canonicalise(ReadOnlySpan<byte> utf8) =>
        TryCanonicalise(utf8, out var canonical, out var fault) ? canonical : throw new FormatException(fault);

    /// <summary>The canonical form of a JSON text, or why there is none.</summary>
    public static bool TryCanonicalise(
        ReadOnlySpan<byte> utf8,
        [NotNullWhen(true)] out byte[]? canonical,
        [NotNullWhen(false)] out string? fault)
    {
        using var scan = JsonScan.Read(utf8);
        fault = scan.Fault;
        if (fault is not null)
        {
            canonical = null;
            return false;
        }
        var sink = new Utf8Sink(utf8.Length);
        scan.WriteCanonical(ref sink);
        canonical = sink.ToArray();
        sink.Dispose();
        return true;
    }

    /// <summary>Writes the canonical form. Throws FormatException for what has none.</summary>
    public static void Write(JsonElement value, IBufferWriter<byte> destination)
    {
        var utf8 = JsonMarshal.GetRawUtf8Value(value);
        var sink = new Utf8Sink(utf8.Length);
        Append(utf8, ref sink);
        destination.Write(sink.Written);
        sink.Dispose();
    }

    /// <summary>Null if strict canonical JSON can hold the value, otherwise why not, in words for people.</summary>
    public static string? FindViolation(JsonElement value) => FindViolation(JsonMarshal.GetRawUtf8Value(value));

    /// <inheritdoc cref="FindViolation(JsonElement)"/>
    public static string? FindViolation(ReadOnlySpan<byte> utf8)
    {
        using var scan = JsonScan.Read(utf8);
        return scan.Fault ?? scan.Violation;
    }

    internal static void Append(ReadOnlySpan<byte> utf8, ref Utf8Sink sink)
    {
        using var scan = JsonScan.Read(utf8);
        if (scan.Fault is not null)
            throw new FormatException(scan.Fault);
        scan.WriteCanonical(ref sink);
    }
}
