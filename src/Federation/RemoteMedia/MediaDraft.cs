using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Federation.RemoteMedia;

/// <summary>Reads a body into a draft: bounded in bytes, in time, and in silence.</summary>
internal static class MediaDraft
{
    /// <summary>LIMIT: bytes in memory. Ours: few calls for large files.</summary>
    private const int BufferBytes = 128 * 1024;

    /// <summary>False when there are more bytes than allowed.</summary>
    /// <remarks>Errors: IOException, HttpRequestException for the network; TimeoutException for a server that says
    /// nothing.</remarks>
    public static async ValueTask<bool> CopyAsync(
        Stream body, IBlobDraft draft, long bytesMax, TimeProvider time, CancellationToken cancellationToken)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (true)
            {
                // A reader that is given up is cancelled too, or it would write into a buffer that is another's then.
                using var silence = new CancellationTokenSource(RemoteMediaOptions.SilenceMax, time);
                using var linked = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
                int read;
                try
                {
                    read = await body.ReadAsync(buffer, linked.Token);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    throw new TimeoutException("It stopped in the middle.");
                }
                if (read == 0)
                    return true;
                if (draft.Size + read > bytesMax)
                    return false;
                await draft.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public static MatrixError TooLarge { get; } =
        new(502, ErrCodes.TooLarge, "The content is too large to be copied from its server.");
}
