using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Media whose bytes are here.</summary>
internal sealed record StoredMedia(
    BlobId Blob, long SizeBytes, string ContentType, string? FileName, bool IsRemote);

/// <summary>Media that was found, or why there is none for this request.</summary>
internal readonly record struct MediaLookup(StoredMedia? Media, MatrixError? Error)
{
    public static implicit operator MediaLookup(StoredMedia media) => new(media, null);

    public static implicit operator MediaLookup(MatrixError error) => new(null, error);
}
