using System.Buffers;

namespace Matrix.EventSourced.Api.Control;

/// <summary>Lines of JSON over the control socket: written as they come, read as they come.</summary>
/// <remarks>
/// Shape: each line ends with a line feed; the last one is empty. A server that breaks off leaves that out, so half an
/// answer never passes for a whole one.
/// </remarks>
internal static class ControlLines
{
    public static async Task WriteAsync(
        HttpContext http, IAsyncEnumerable<ReadOnlyMemory<byte>> lines, CancellationToken cancellationToken)
    {
        http.Response.ContentType = "application/x-ndjson";
        var body = http.Response.BodyWriter;
        await foreach (var line in lines.WithCancellation(cancellationToken))
        {
            body.Write(line.Span);
            body.Write("\n"u8);
            if (body.UnflushedBytes > 16 * 1024 || !body.CanGetUnflushedBytes)
                await body.FlushAsync(cancellationToken);
        }
        body.Write("\n"u8);
        await body.FlushAsync(cancellationToken);
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
