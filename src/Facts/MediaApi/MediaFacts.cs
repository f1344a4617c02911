using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.MediaApi;

/// <summary>A user was given the id of media that they will upload: <c>mediaapi.media_created.v1</c>, stream
/// <c>media-…</c>.</summary>
/// <remarks>Units: UnusedExpiresAtMs, Unix milliseconds; from then on nothing can be uploaded to it.</remarks>
public sealed record MediaCreated(MediaId MediaId, UserId Uploader, long UnusedExpiresAtMs) : IFact;

/// <summary>Media of this server has its content: <c>mediaapi.media_uploaded.v1</c>, stream <c>media-…</c>.</summary>
/// <remarks>
/// Shape: Sha256, lower-case hex, names the bytes in the store outside of the log, which were durable before this fact
/// was. Uploader is absent where the server itself copied a page's image for a preview; PreviewOf is the image's
/// address then.
/// A projection takes this as the first fact of its media where no creation came before it.
/// </remarks>
public sealed record MediaUploaded(
    MediaId MediaId,
    string Sha256,
    long SizeBytes,
    string ContentType,
    string? FileName = null,
    UserId? Uploader = null,
    string? PreviewOf = null) : IFact;

/// <summary>Media of another server was copied here: <c>mediaapi.remote_media_cached.v1</c>, stream
/// <c>media-…</c>.</summary>
/// <remarks>Shape: as <see cref="MediaUploaded"/>. It may come again, after the copy was removed.</remarks>
public sealed record RemoteMediaCached(
    ServerName Origin,
    MediaId MediaId,
    string Sha256,
    long SizeBytes,
    string ContentType,
    string? FileName = null) : IFact;

/// <summary>Media is no longer here: <c>mediaapi.media_removed.v1</c>, stream <c>media-…</c>.</summary>
/// <remarks>Shape: Origin is absent for this server's own media, which is gone for good; another server's may be copied
/// again. The bytes go once nothing names them any more.</remarks>
public sealed record MediaRemoved(MediaId MediaId, MediaRemoval Reason, ServerName? Origin = null) : IFact;

/// <summary>Media must not be shown to anybody, or may be again: <c>mediaapi.media_quarantined.v1</c>, stream
/// <c>media-…</c>.</summary>
/// <remarks>Another server's media can be quarantined before it was ever here: it is not fetched then.</remarks>
public sealed record MediaQuarantined(MediaId MediaId, bool IsQuarantined, ServerName? Origin = null) : IFact;

/// <summary>Why media was removed.</summary>
public enum MediaRemoval
{
    /// <summary>An administrator removed it.</summary>
    Deleted,

    /// <summary>It was a copy, and nobody asked for it for longer than copies are kept.</summary>
    Expired,
}
