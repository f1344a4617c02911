namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Reads a body up to a bound.</summary>
internal static class BoundedBody
{
    private const int ChunkMin = 16 * 1024;

    /// <summary>The body, decompressed; null once it is larger than the bound.</summary>
    public static async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(
        HttpResponseMessage response, long bytesMax, CancellationToken cancellationToken)
    {
        var declared = response.Content.Headers.ContentLength;
        if (declared > bytesMax)
            return null;
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        // What is declared is believed only in part: a lie must not cost memory.
        var buffer = new byte[(int)Math.Clamp(declared + 1 ?? ChunkMin, 1, Math.Min(bytesMax + 1, 1024 * 1024))];
        var length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length > bytesMax)
                    return null;
                Array.Resize(ref buffer, (int)Math.Min(bytesMax + 1, Math.Max(2L * length, ChunkMin)));
            }
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0)
                return buffer.AsMemory(0, length);
            length += read;
            if (length > bytesMax)
                return null;
        }
    }
}
