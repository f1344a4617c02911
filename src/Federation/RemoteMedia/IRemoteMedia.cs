using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.RemoteMedia;

/// <summary>Copies media of other servers here.</summary>
public interface IRemoteMedia
{
    /// <summary>The copy, which is in the store and in the log; or what the client is told.</summary>
    /// <param name="media">Media of another server.</param>
    /// <param name="wait">How long that server should wait for an upload.</param>
    /// <param name="context">Who asks.</param>
    /// <param name="cancellationToken">Ends the wait; the copy goes on for others who wait.</param>
    ValueTask<RemoteMediaResult> FetchAsync(
        MxcUri media, TimeSpan wait, CommandContext context, CancellationToken cancellationToken);
}

/// <summary>What became of a copy.</summary>
public abstract record RemoteMediaResult
{
    private RemoteMediaResult()
    {
    }

    public sealed record Copied(BlobId Blob, long SizeBytes, string ContentType, string? FileName) : RemoteMediaResult;

    public sealed record Refused(MatrixError Error) : RemoteMediaResult;

    public static implicit operator RemoteMediaResult(MatrixError error) => new Refused(error);
}

/// <summary>Bounds of copying, each with its source. Units: BytesMax, of one file.</summary>
public sealed record RemoteMediaOptions(long BytesMax)
{
    /// <summary>LIMIT: until the headers of an answer are there, beside the wait for an upload. Ours.</summary>
    public static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(30);

    /// <summary>LIMIT: without a byte. Ours: a connection that is dead says nothing.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);

    /// <summary>LIMIT: the whole of one file. Ours: 100 MiB at 200 KiB a second.</summary>
    public static readonly TimeSpan WholeMax = TimeSpan.FromMinutes(10);

    /// <summary>LIMIT: how long a failure is answered again without asking. Ours: a room's members all look at the same
    /// message at once, and again soon.</summary>
    public static readonly TimeSpan FailureKept = TimeSpan.FromSeconds(60);

    /// <summary>LIMIT: failures that are remembered. Ours: a few hundred bytes each.</summary>
    public const int FailuresMax = 10_000;

    /// <summary>LIMIT: bytes of the JSON part and of an error. Ours: today the part is always empty.</summary>
    public const int JsonBytesMax = 64 * 1024;

    /// <summary>LIMIT: redirects that are followed from a Location. Ours.</summary>
    public const int RedirectsMax = 3;
}
