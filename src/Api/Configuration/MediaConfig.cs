namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The content repository. Units: in the names; Quota is null for no bound.</summary>
public sealed record MediaConfig
{
    public long UploadBytesMax { get; init; } = 100L * MiB;

    public long RemoteBytesMax { get; init; } = 100L * MiB;

    /// <summary>All that one user has uploaded together.</summary>
    public long? QuotaBytes { get; init; }

    /// <summary>Ids that were given out to one user and wait for their upload.</summary>
    public int PendingMax { get; init; } = 20;

    public TimeSpan PendingLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The deprecated endpoints serve whoever knows an id, without a token.</summary>
    public bool UnauthenticatedAccess { get; init; }

    /// <summary>How long a copy of another server's media stays that nobody asks for; null for ever.</summary>
    public TimeSpan? RemoteRetention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>All copies of other servers' media together; null for no bound.</summary>
    public long? RemoteCacheBytes { get; init; }

    public long ThumbnailPixelsMax { get; init; } = 50_000_000;

    internal const int MiB = 1024 * 1024;
}

/// <summary>Previews of web pages.</summary>
public sealed record UrlPreviewsConfig
{
    public bool IsOn { get; init; } = true;

    /// <summary>Hosts that are asked for previews; all others are not. Empty: all are.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    public IReadOnlyList<string> DeniedHosts { get; init; } = [];

    /// <summary>Denied ranges may be contacted after all; for tests.</summary>
    public bool AllowPrivateAddresses { get; init; }

    /// <summary>How long the images of previews stay.</summary>
    public TimeSpan ImageRetention { get; init; } = TimeSpan.FromDays(14);
}
