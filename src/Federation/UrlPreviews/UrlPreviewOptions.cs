using System.Net;

namespace Matrix.EventSourced.Federation.UrlPreviews;

/// <summary>What an administrator sets for previews of web pages, and their bounds.</summary>
/// <remarks>Shape: a host, or <c>*.host</c> for it and all below it; AllowedHosts is empty for all.</remarks>
public sealed record UrlPreviewOptions
{
    public bool IsOn { get; init; } = true;

    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    public IReadOnlyList<string> DeniedHosts { get; init; } = [];

    public IReadOnlyList<IPNetwork> DeniedIpRanges { get; init; } = [];

    public bool AllowsPrivateAddresses { get; init; }

    public string UserAgent { get; init; } = "Matrix.EventSourced";

    /// <summary>LIMIT: characters of an address. Ours: browsers and servers take as much.</summary>
    public const int AddressLengthMax = 2_048;

    /// <summary>LIMIT: redirects that are followed. Ours: as browsers' half.</summary>
    public const int RedirectsMax = 8;

    /// <summary>LIMIT: page and image together. Ours: somebody looks at the message meanwhile.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    /// <summary>LIMIT: bytes of an image. Ours: a preview shows it small.</summary>
    public const long ImageBytesMax = 10 * 1024 * 1024;

    /// <summary>LIMIT: pages that are fetched at once. Ours: previews must not take the server's connections.</summary>
    public const int FetchesMax = 16;

    /// <summary>LIMIT: pages that are remembered, and versions of each. Ours: a few KiB each.</summary>
    public const int PagesMax = 2_000;

    /// <inheritdoc cref="PagesMax"/>
    public const int VersionsMax = 4;

    /// <summary>LIMIT: how long a preview is answered again without asking. Ours.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    /// <summary>LIMIT: how long a failure is. Ours: all members of a room ask at once.</summary>
    public static readonly TimeSpan FailureKept = TimeSpan.FromMinutes(1);

    /// <summary>Whether a host may be asked.</summary>
    public bool Allows(Uri address)
    {
        var host = address.IdnHost.ToLowerInvariant().TrimEnd('.');
        return !Matches(DeniedHosts, host) && (AllowedHosts.Count == 0 || Matches(AllowedHosts, host));
    }

    private static bool Matches(IReadOnlyList<string> hosts, string host)
    {
        foreach (var pattern in hosts)
        {
            if (pattern.StartsWith("*.", StringComparison.Ordinal)
                ? host == pattern[2..] || host.EndsWith(pattern[1..], StringComparison.Ordinal)
                : host == pattern)
            {
                return true;
            }
        }
        return false;
    }
}
