using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Reads request bodies: what is no JSON is M_NOT_JSON, JSON that we cannot keep is M_BAD_JSON.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #common-error-codes.
/// Refused beside bad syntax: invalid UTF-8 and lone surrogates (no canonical form), duplicate keys (readers disagree
/// on which counts), nesting over <see cref="Limits.JsonDepthMax"/>, and U+0000 in any key or string unless the
/// endpoint keeps the body verbatim
/// (<see cref="EndpointSpec.NulAllowed"/>): PostgreSQL stores no U+0000 in text, and a fact that no table can hold
/// would stop a projection.
/// </remarks>
internal static class JsonBody
{
    private static readonly JsonDocumentOptions Strict = new()
    {
        AllowDuplicateProperties = false,
        MaxDepth = Limits.JsonDepthMax,
    };

    // Only tells bad JSON from no JSON; as deep as a body can be.
    private static readonly JsonReaderOptions Lenient = new() { MaxDepth = 64 * 1024 * 1024 };

    private static readonly JsonElement EmptyObject = JsonElement.Parse("{}"u8);

    public static async ValueTask<(JsonElement Body, MatrixError? Error)> ReadObjectAsync(
        HttpContext http,
        EndpointSpec spec,
        bool emptyAllowed)
    {
        var (body, error) = await ReadAsync(http, spec, keeps: false);
        if (error is not null)
            return (default, error);
        try
        {
            return Parse(body.AsSpan(), spec.NulAllowed, emptyAllowed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body.Array!);
        }
    }

    /// <summary>The body as it came, unparsed; at most what the endpoint takes.</summary>
    public static async ValueTask<(ReadOnlyMemory<byte> Body, MatrixError? Error)> ReadBytesAsync(
        HttpContext http, EndpointSpec spec)
    {
        var (body, error) = await ReadAsync(http, spec, keeps: true);
        return (body, error);
    }

    /// <summary>Rented memory, which the caller returns, unless it keeps it.</summary>
    private static async ValueTask<(ArraySegment<byte> Body, MatrixError? Error)> ReadAsync(
        HttpContext http, EndpointSpec spec, bool keeps)
    {
        var declared = http.Request.ContentLength;
        if (declared > spec.BodyBytesMax)
            return ([], TooLarge(spec));
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(declared ?? 4096, spec.BodyBytesMax) + 1);
        var isHandedOut = false;
        try
        {
            var length = 0;
            int read;
            while ((read = await http.Request.Body.ReadAsync(buffer.AsMemory(length), http.RequestAborted)) > 0)
            {
                length += read;
                if (length > spec.BodyBytesMax)
                    return ([], TooLarge(spec));
                if (length == buffer.Length)
                    buffer = Grow(buffer, length);
            }
            if (keeps)
                return (buffer.AsSpan(0, length).ToArray(), null);
            isHandedOut = true;
            return (new ArraySegment<byte>(buffer, 0, length), null);
        }
        catch (IOException exception)
            when (exception is not BadHttpRequestException && !http.RequestAborted.IsCancellationRequested)
        {
            // Chunks whose length overflows: Kestrel calls that no bad request. Only the connection is read in here.
            return ([], new MatrixError(400, ErrCodes.Unknown, "The request could not be read."));
        }
        finally
        {
            if (!isHandedOut)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Parses a whole body; the element owns its memory.</summary>
    internal static (JsonElement Body, MatrixError? Error) Parse(
        ReadOnlySpan<byte> utf8, bool nulAllowed, bool emptyAllowed)
    {
        if (utf8.IsEmpty)
            return emptyAllowed ? (EmptyObject, null)
                : (default, MatrixError.NotJson("A JSON object is expected as the body."));
        if (!Utf8.IsValid(utf8))
            return (default, MatrixError.NotJson("The body is not UTF-8."));

        // Escapes come first: the reader's look for duplicate keys would throw on a lone surrogate.
        var badEscape = FindBadEscape(utf8, nulAllowed);
        if (badEscape is null)
        {
            try
            {
                var body = JsonElement.Parse(utf8, Strict);
                return body.ValueKind == JsonValueKind.Object
                    ? (body, null)
                    : (default, MatrixError.BadJson("The body must be a JSON object."));
            }
            catch (JsonException exception)
            {
                badEscape = exception.Message;
            }
        }
        return (default, IsJson(utf8) ? MatrixError.BadJson(badEscape)
            : MatrixError.NotJson($"The body is not JSON: {badEscape}"));
    }

    private static bool IsJson(ReadOnlySpan<byte> utf8)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, Lenient);
            while (reader.Read())
            {
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>
    /// Looks at every <c>\u</c> escape: surrogates must pair, and U+0000 must be allowed. Null when all is well.
    /// </summary>
    private static string? FindBadEscape(ReadOnlySpan<byte> utf8, bool nulAllowed)
    {
        var i = 0;
        while (i < utf8.Length)
        {
            var next = utf8[i..].IndexOf((byte)'\\');
            if (next < 0 || i + next + 1 >= utf8.Length)
                return null;
            i += next;
            if (utf8[i + 1] != (byte)'u')
            {
                i += 2;
                continue;
            }
            var unit = CodeUnit(utf8, i);
            i += 6;
            if (unit == 0 && !nulAllowed)
                return "U+0000 is not allowed in strings.";
            if (unit is < 0xD800 or > 0xDFFF)
                continue;
            if (unit >= 0xDC00 || CodeUnit(utf8, i) is not (>= 0xDC00 and <= 0xDFFF))
                return "A string holds half of a surrogate pair.";
            i += 6;
        }
        return null;
    }

    /// <summary>
    /// The value of <c>\uXXXX</c> at an index, or -1 where there is none; the parser then says what is wrong with it.
    /// </summary>
    private static int CodeUnit(ReadOnlySpan<byte> utf8, int at)
    {
        if (at + 6 > utf8.Length || utf8[at] != (byte)'\\' || utf8[at + 1] != (byte)'u')
            return -1;
        var value = 0;
        foreach (var digit in utf8.Slice(at + 2, 4))
        {
            if (!char.IsAsciiHexDigit((char)digit))
                return -1;
            value = (value << 4) | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }
        return value;
    }

    private static byte[] Grow(byte[] buffer, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private static MatrixError TooLarge(EndpointSpec spec) =>
        MatrixError.TooLarge($"The body is larger than {spec.BodyBytesMax} bytes.");
}
