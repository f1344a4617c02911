using static Matrix.EventSourced.Api.Configuration.ConfigValues;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The keys of the content repository and of previews.</summary>
internal static class MediaConfigKeys
{
    private const string YesNo = "true or false";
    private const string Hosts = "host names: example.org, or *.example.org for it and all below it";

    public static readonly IReadOnlyList<ConfigKey> All =
    [
        new(
            "media.upload_mib", "1 to 1048576", "100",
            "The largest file that users can upload, in MiB; clients are told.",
            (c, t) => Integer(t, 1, 1_048_576, n =>
                c with { Media = c.Media with { UploadBytesMax = (long)n * MediaConfig.MiB } })),
        new(
            "media.remote_mib", "1 to 1048576", "100",
            "The largest file that is fetched from another server, in MiB.",
            (c, t) => Integer(t, 1, 1_048_576, n =>
                c with { Media = c.Media with { RemoteBytesMax = (long)n * MediaConfig.MiB } })),
        new(
            "media.quota_mib", "0 to 1073741824", "0",
            "How much one user can have uploaded in all, in MiB. 0 is without a bound.",
            (c, t) => Integer(t, 0, 1_073_741_824, n => c with
            {
                Media = c.Media with { QuotaBytes = n == 0 ? null : (long)n * MediaConfig.MiB },
            })),
        new(
            "media.pending_uploads", "1 to 100000", "20",
            "How many media ids one user can ask for ahead of uploading to them.",
            (c, t) => Integer(t, 1, 100_000, n => c with { Media = c.Media with { PendingMax = n } })),
        new(
            "media.pending_hours", "1 to 8760", "24",
            "How long such an id waits for its upload.",
            (c, t) => Integer(t, 1, 8_760, n =>
                c with { Media = c.Media with { PendingLifetime = TimeSpan.FromHours(n) } })),
        new(
            "media.unauthenticated_access", YesNo, "false",
            "Serve media without a token, too, under the old paths (/_matrix/media/v3/download and thumbnail): whoever knows an id "
            + "gets it. For clients and servers from before Matrix 1.11.",
            (c, t) => Flag(t, on => c with { Media = c.Media with { UnauthenticatedAccess = on } })),
        new(
            "media.remote_retention_days", "0 to 36500", "90",
            "How long a copy of another server's media is kept that nobody asks for; it is fetched again when somebody does. 0 is for ever.",
            (c, t) => Integer(t, 0, 36_500, n => c with
            {
                Media = c.Media with { RemoteRetention = n == 0 ? null : TimeSpan.FromDays(n) },
            })),
        new(
            "media.remote_cache_mib", "0 to 1073741824", "0",
            "How much the copies of other servers' media may take in all, in MiB: what was not asked for longest goes first, within "
            + "the hour. 0 is without a bound.",
            (c, t) => Integer(t, 0, 1_073_741_824, n => c with
            {
                Media = c.Media with { RemoteCacheBytes = n == 0 ? null : (long)n * MediaConfig.MiB },
            })),
        new(
            "media.thumbnail_megapixels", "1 to 1000", "50",
            "The largest image that thumbnails are made of. Decoding one may take four bytes of memory per pixel, and two are decoded at a time.",
            (c, t) => Integer(t, 1, 1_000, n =>
                c with { Media = c.Media with { ThumbnailPixelsMax = n * 1_000_000L } })),
        new(
            "url_previews.enabled", YesNo, "true",
            "Fetch web pages that users link to, to show a preview. Their servers then see this server's address. "
            + "federation.denied_ip_ranges are never contacted.",
            (c, t) => Flag(t, on => c with { UrlPreviews = c.UrlPreviews with { IsOn = on } })),
        new(
            "url_previews.allowed_hosts", Hosts, "",
            "The only hosts that are asked. Not set: all.",
            (c, t) => Each<string>(t, TryParseHost, list =>
                c with { UrlPreviews = c.UrlPreviews with { AllowedHosts = list } }))
        { IsList = true },
        new(
            "url_previews.denied_hosts", Hosts, "",
            "Hosts that are never asked, wherever a link or a redirect leads.",
            (c, t) => Each<string>(t, TryParseHost, list =>
                c with { UrlPreviews = c.UrlPreviews with { DeniedHosts = list } }))
        { IsList = true },
        new(
            "url_previews.allow_private_addresses", YesNo, "false",
            "Contact denied ranges after all; for tests on one machine.",
            (c, t) => Flag(t, on => c with { UrlPreviews = c.UrlPreviews with { AllowPrivateAddresses = on } })),
        new(
            "url_previews.image_retention_days", "2 to 36500", "14",
            "How long the images of previews are kept.",
            (c, t) => Integer(t, 2, 36_500, n =>
                c with { UrlPreviews = c.UrlPreviews with { ImageRetention = TimeSpan.FromDays(n) } })),
    ];

    private static bool TryParseHost(string text, out string host)
    {
        host = text.ToLowerInvariant();
        var name = host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host;
        return Uri.CheckHostName(name.Trim('[', ']')) != UriHostNameType.Unknown;
    }
}
