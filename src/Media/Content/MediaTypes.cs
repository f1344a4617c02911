using System.Collections.Frozen;

namespace Matrix.EventSourced.Media.Content;

/// <summary>Types of media, as headers say them.</summary>
public static class MediaTypes
{
    public const string Unknown = "application/octet-stream";

    /// <summary>LIMIT: characters of a type. Ours: the longest registered ones have about a hundred.</summary>
    public const int LengthMax = 255;

    /// <summary>What a browser only shows and never runs.</summary>
    /// <remarks>Spec: v1.19 client-server-api #serving-inline-content.</remarks>
    private static readonly FrozenSet<string> Inline = new[]
    {
        "text/css", "text/plain", "text/csv", "application/json", "application/ld+json", "image/jpeg", "image/gif",
        "image/png", "image/apng", "image/webp", "image/avif", "video/mp4", "video/webm", "video/ogg",
        "video/quicktime", "audio/mp4", "audio/webm", "audio/aac", "audio/mpeg", "audio/ogg", "audio/wave", "audio/wav",
        "audio/x-wav", "audio/x-pn-wav", "audio/flac", "audio/x-flac",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether content of this type may be shown in the place of a page.</summary>
    public static bool IsInline(string type) => Inline.Contains(Essence(type));

    /// <summary>The type without its parameters.</summary>
    public static string Essence(string type)
    {
        var end = type.IndexOf(';', StringComparison.Ordinal);
        return (end < 0 ? type : type[..end]).Trim();
    }

    /// <summary>A declared type as it can be kept and sent on; <see cref="Unknown"/> for what is none.</summary>
    /// <remarks>Shape: <c>type/subtype</c> of tokens, and parameters of visible characters; nothing else is looked
    /// at.</remarks>
    public static string Kept(string? declared)
    {
        var type = declared?.Trim();
        if (type is not { Length: > 0 and <= LengthMax } || type.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return Unknown;
        var essence = Essence(type);
        var slash = essence.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && IsToken(essence.AsSpan(0, slash)) && IsToken(essence.AsSpan(slash + 1)) ? type : Unknown;
    }

    /// <summary>The type to serve: of text, its encoding too, so that no browser guesses.</summary>
    /// <remarks>Spec: v1.19 client-server-api #get_matrixclientv1mediadownloadservernamemediaid allows that.</remarks>
    public static string Served(string type) =>
        type.StartsWith("text/", StringComparison.OrdinalIgnoreCase)
        && !type.Contains("charset", StringComparison.OrdinalIgnoreCase)
            ? $"{type}; charset=utf-8"
            : type;

    private static bool IsToken(ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && !"!#$%&'*+-.^_`|~".Contains(character))
                return false;
        }
        return !text.IsEmpty;
    }
}
