namespace Matrix.EventSourced.Facts.Schema;

internal static class MediaApiFacts
{
    private static readonly FactField MediaId = new("media_id", "media id", "The media, unique within its server.");
    private static readonly FactField Origin = new(
        "origin", "server name?", "The server that it comes from; absent means this one.");
    private static readonly FactField Sha256 = new(
        "sha256", "string", "SHA-256 of the bytes in lower-case hex, which is their name in the store of blobs.");
    private static readonly FactField Size = new("size_bytes", "integer?", "How many bytes; absent means none.");
    private static readonly FactField ContentType = new("content_type", "string", "Their type, as it was declared.");
    private static readonly FactField FileName = new("file_name", "string?", "The name that it was uploaded under.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.MediaCreated,
            StreamCategories.Media,
            FactJson.Context.MediaCreated,
            "A user was given the id of media that they will upload.",
            "Answer downloads with \"not yet\" until it is uploaded, and with \"not found\" once it has expired.",
            MediaId,
            new("uploader", "user id", "Who may upload it."),
            new("unused_expires_at_ms", "integer", "From when on nothing can be uploaded, Unix milliseconds.")),
        FactDescription.Of(
            FactNames.MediaUploaded,
            StreamCategories.Media,
            FactJson.Context.MediaUploaded,
            "Media of this server has its content. The bytes were durable before.",
            "Serve the bytes under this type and name. Count them for their uploader.",
            MediaId,
            Sha256,
            Size,
            ContentType,
            FileName,
            new("uploader", "user id?", "Who uploaded it; absent for an image of a preview."),
            new("preview_of", "string?", "The address of the image that it is a copy of, for a preview.")),
        FactDescription.Of(
            FactNames.RemoteMediaCached,
            StreamCategories.Media,
            FactJson.Context.RemoteMediaCached,
            "Media of another server was copied here. The bytes were durable before.",
            "Serve the copy until it is removed.",
            new("origin", "server name", "The server that it comes from."),
            MediaId,
            Sha256,
            Size,
            ContentType,
            FileName),
        FactDescription.Of(
            FactNames.MediaRemoved,
            StreamCategories.Media,
            FactJson.Context.MediaRemoved,
            "Media is no longer here.",
            "Serve it no more. This server's own is gone for good; another server's may be copied again.",
            MediaId,
            new("reason", "`deleted`, `expired`?", "By an administrator, or by age; absent means `deleted`."),
            Origin),
        FactDescription.Of(
            FactNames.MediaQuarantined,
            StreamCategories.Media,
            FactJson.Context.MediaQuarantined,
            "An administrator said that media must not be shown, or that it may be again.",
            "Serve it to nobody, and do not fetch it, while it is quarantined.",
            MediaId,
            new("is_quarantined", "boolean?", "Whether it is from now on; absent means false."),
            Origin),
    ];
}
