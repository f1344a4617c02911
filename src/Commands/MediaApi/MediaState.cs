using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>What the stream <c>media-…</c> says of a piece of media.</summary>
/// <remarks>Shape: Sha256 is null while nothing is here. UnusedExpiresAtMs, Unix milliseconds, counts until the upload.
/// WasUploaded stays true when the content is gone: an id is used once.</remarks>
public sealed record MediaState : IAggregateState<MediaState>
{
    public static MediaState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public UserId? Uploader { get; private init; }

    public long? UnusedExpiresAtMs { get; private init; }

    public string? Sha256 { get; private init; }

    public bool WasUploaded { get; private init; }

    public bool IsQuarantined { get; private init; }

    /// <summary>Whether its id was ever given out, or its content ever here.</summary>
    public bool Exists { get; private init; }

    public MediaState Evolve(IFact fact) => fact switch
    {
        MediaCreated created => this with
        {
            Exists = true,
            Uploader = created.Uploader,
            UnusedExpiresAtMs = created.UnusedExpiresAtMs,
        },
        MediaUploaded uploaded => this with
        {
            Exists = true,
            WasUploaded = true,
            Uploader = uploaded.Uploader,
            Sha256 = uploaded.Sha256,
        },
        RemoteMediaCached cached => this with { Exists = true, WasUploaded = true, Sha256 = cached.Sha256 },
        MediaRemoved => this with { Sha256 = null },
        MediaQuarantined changed => this with { IsQuarantined = changed.IsQuarantined },
        _ => this,
    };
}
