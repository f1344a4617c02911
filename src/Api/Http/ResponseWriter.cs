using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Writes answers as JSON, with a length instead of chunks.</summary>
/// <remarks>
/// An answer is written into a buffer of this thread first: if that throws, nothing has been sent and the client still
/// gets a proper error. It is copied into the response's pipe before anything is awaited, so the buffer is free again
/// at once.
/// </remarks>
internal static class ResponseWriter
{
    /// <summary>
    /// LIMIT: bytes that a thread keeps for its next answer. Ours: most syncs fit, and idle threads stay small.
    /// </summary>
    private const int KeptBytesMax = 1024 * 1024;

    private static readonly JsonWriterOptions Relaxed = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    public static Task WriteAsync(HttpContext http, MatrixResponse response) => response switch
    {
        MatrixResponse.RawJson raw => SendAsync(http, raw.Status, raw.Utf8.Span),
        MatrixResponse.Json json => WriteJsonAsync(http, json.Status, json.Write),
        MatrixResponse.JsonParts parts => WritePartsAsync(http, parts.WriteAsync),
        MatrixResponse.Error error => WriteErrorAsync(http, error.Value),
        _ => Task.CompletedTask,
    };

    public static Task WriteErrorAsync(HttpContext http, MatrixError error)
    {
        if (error.RetryAfterMs is { } retryAfterMs)
        {
            var seconds = (retryAfterMs + 999) / 1000;
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }
        return WriteJsonAsync(http, error.Status, writer => WriteError(writer, error));
    }

    /// <summary>Spec: v1.19 client-server-api #standard-error-response.</summary>
    internal static void WriteError(Utf8JsonWriter writer, MatrixError error)
    {
        writer.WriteStartObject();
        writer.WriteString("errcode"u8, error.ErrCode);
        writer.WriteString("error"u8, error.Message);
        if (error.RetryAfterMs is { } retryAfterMs)
            writer.WriteNumber("retry_after_ms"u8, retryAfterMs);
        foreach (var (name, json) in error.Extra)
        {
            writer.WritePropertyName(name);
            writer.WriteRawValue(json);
        }
        writer.WriteEndObject();
    }

    private static Task WriteJsonAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        // A writer that writes another answer while it writes this one would find the buffer taken; none does, none
        // may.
        var buffer = _buffer ?? new ArrayBufferWriter<byte>(16 * 1024);
        var writer = _writer ?? new Utf8JsonWriter(buffer, Relaxed);
        (_buffer, _writer) = (null, null);
        writer.Reset(buffer);
        write(writer);
        writer.Flush();
        var sent = SendAsync(http, status, buffer.WrittenSpan);
        if (buffer.Capacity <= KeptBytesMax)
        {
            buffer.ResetWrittenCount();
            (_buffer, _writer) = (buffer, writer);
        }
        return sent;
    }

    private static async Task WritePartsAsync(HttpContext http, Func<JsonPartWriter, ValueTask> write)
    {
        http.Response.StatusCode = 200;
        http.Response.ContentType = "application/json";
        if (HttpMethods.IsHead(http.Request.Method))
            return;
        var json = new Utf8JsonWriter(http.Response.BodyWriter, Relaxed);
        await write(new JsonPartWriter(json, http.Response.BodyWriter, http.RequestAborted));
        // Not in a finally: what a failure leaves in the writer must not come before the error.
        await json.DisposeAsync();
    }

    private static Task SendAsync(HttpContext http, int status, ReadOnlySpan<byte> utf8)
    {
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = utf8.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            response.BodyWriter.Write(utf8);
        return Task.CompletedTask;
    }
}
