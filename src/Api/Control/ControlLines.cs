using System.Buffers;
using System.Text.Json;

namespace Matrix.EventSourced.Api.Control;

/// <summary>Lines of JSON over the control socket: written as they come, read as they come.</summary>
/// <remarks>
/// Shape: each line ends with a line feed; the last one is empty. A server that breaks off leaves that out, so half an
/// answer never passes for a whole one.
/// </remarks>
internal static class ControlLines
{
    /// <summary>LIMIT: bytes of lines that wait to be sent together. Ours: a few hundred lines.</summary>
    private const int UnsentBytesMax = 16 * 1024;

    public static async Task WriteAsync(
        HttpContext http, IAsyncEnumerable<ReadOnlyMemory<byte>> lines, CancellationToken cancellationToken)
    {
        http.Response.ContentType = "application/x-ndjson";
        var body = http.Response.BodyWriter;
        var unsent = 0;
        await using var next = lines.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            // Many lines that are there share one write; nobody waits for a line because the next takes its time.
            var move = next.MoveNextAsync();
            if (unsent > 0 && (unsent > UnsentBytesMax || !move.IsCompleted))
            {
                await body.FlushAsync(cancellationToken);
                unsent = 0;
            }
            if (!await move)
                break;
            body.Write(next.Current.Span);
            body.Write("\n"u8);
            unsent += next.Current.Length + 1;
        }
        body.Write("\n"u8);
        await body.FlushAsync(cancellationToken);
    }

    /// <summary>A value as the bytes of one line.</summary>
    public static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            write(json);
        return buffer.WrittenMemory;
    }

    /// <summary>The lines of an answer. Errors: IOException when it ends before its end.</summary>
    public static async IAsyncEnumerable<string> ReadAsync(HttpContent content)
    {
        using var reader = new StreamReader(await content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Length == 0)
                yield break;
            yield return line;
        }
        throw new IOException("The server broke off; its log says why.");
    }
}
