using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace Matrix.EventSourced.Media.Pages;

/// <summary>What a web page says of itself.</summary>
/// <remarks>Shape: Properties are OpenGraph's, in the page's order, each once; those of the image are left out. Image
/// is absolute, http or https; null for none.</remarks>
public sealed record PageDescription(IReadOnlyList<KeyValuePair<string, string>> Properties, Uri? Image);

/// <summary>Reads the head of a web page.</summary>
/// <remarks>
/// The Open Graph protocol (ogp.me); what it leaves out is taken from Twitter's cards, the title and the description.
/// Only the head is parsed: a body may be nested without end, and says nothing about itself that is needed here.
/// Nothing is fetched and nothing is run.
/// </remarks>
public static class PageReader
{
    /// <summary>LIMIT: bytes of a page that are read. Ours: heads of real pages end well before.</summary>
    public const int BytesMax = 1024 * 1024;

    /// <summary>LIMIT: characters of a value. Ours: a preview shows a few lines.</summary>
    public const int ValueLengthMax = 1_000;

    /// <summary>LIMIT: properties of a page. Ours: twice what pages say.</summary>
    public const int PropertiesMax = 64;

    private const string Prefix = "og:";
    private const string ImageName = "og:image";

    /// <summary>What counts where OpenGraph says nothing, the first one first.</summary>
    private static readonly (string Name, string[] Others)[] Fallbacks =
    [
        ("og:title", ["twitter:title"]),
        ("og:description", ["twitter:description", "description"]),
        (ImageName, ["og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"]),
    ];

    static PageReader() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <param name="html">The page, or as much of it as is looked at.</param>
    /// <param name="charset">The encoding that a header says; null for none: then the page says it, or it is
    /// UTF-8.</param>
    /// <param name="address">Where it was found: relative addresses count from there.</param>
    public static PageDescription Read(ReadOnlyMemory<byte> html, string? charset, Uri address)
    {
        var parser = new HtmlParser();
        using var bytes = new MemoryStream(html.ToArray(), writable: false);
        var head = FindEncoding(charset) is { } encoding
            ? parser.ParseHead(Decode(bytes, encoding))
            : parser.ParseHead(bytes);
        return head is null ? new PageDescription([], null) : Read(head, address);
    }

    private static PageDescription Read(IElement head, Uri address)
    {
        var said = new Dictionary<string, string>(StringComparer.Ordinal);
        var order = new List<string>();
        string? title = null;
        for (var i = 0; i < head.ChildNodes.Length; i++)
        {
            if (head.ChildNodes[i] is not IElement element)
                continue;
            switch (element.LocalName)
            {
                case "base" when Absolute(element.GetAttribute("href"), address) is { } other:
                    address = other;
                    break;
                case "title":
                    title ??= Tidy(element.TextContent);
                    break;
                case "meta":
                    Note(element, said, order);
                    break;
            }
        }
        foreach (var (name, others) in Fallbacks)
        {
            if (!said.ContainsKey(name) && Array.Find(others, said.ContainsKey) is { } other)
                said[name] = said[other];
        }
        if (!string.IsNullOrEmpty(title))
            said.TryAdd("og:title", title);
        var properties = new List<KeyValuePair<string, string>>();
        foreach (var name in (string[])["og:title", "og:description", .. order])
        {
            var isShown = name.StartsWith(Prefix, StringComparison.Ordinal)
                && !name.StartsWith(ImageName, StringComparison.Ordinal);
            if (isShown && said.Remove(name, out var value))
                properties.Add(new(name, value));
        }
        return new PageDescription(properties, Absolute(said.GetValueOrDefault(ImageName), address));
    }

    private static void Note(IElement meta, Dictionary<string, string> said, List<string> order)
    {
        var name = (meta.GetAttribute("property") ?? meta.GetAttribute("name"))?.Trim().ToLowerInvariant();
        if (string.IsNullOrEmpty(name) || name.Length > ValueLengthMax || said.Count >= PropertiesMax)
            return;
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) && name != "description"
            && !name.StartsWith("twitter:", StringComparison.Ordinal))
        {
            return;
        }
        var value = Tidy(meta.GetAttribute("content"));
        // The first one counts: further ones of an image or a video are alternatives.
        if (value.Length > 0 && said.TryAdd(name, value))
            order.Add(name);
    }

    /// <summary>One line, and not too long.</summary>
    private static string Tidy(string? text)
    {
        if (text is null)
            return string.Empty;
        var tidy = new StringBuilder(Math.Min(text.Length, ValueLengthMax));
        foreach (var rune in text.EnumerateRunes())
        {
            var isBlank = Rune.IsWhiteSpace(rune) || Rune.IsControl(rune);
            if (isBlank && (tidy.Length == 0 || tidy[^1] == ' '))
                continue;
            if (tidy.Length + rune.Utf16SequenceLength > ValueLengthMax)
                break;
            tidy.Append(isBlank ? " " : rune.ToString());
        }
        return tidy.ToString().TrimEnd();
    }

    private static Uri? Absolute(string? text, Uri address) =>
        !string.IsNullOrWhiteSpace(text) && Uri.TryCreate(address, text.Trim(), out var found)
        && (found.Scheme == Uri.UriSchemeHttp || found.Scheme == Uri.UriSchemeHttps)
            ? found
            : null;

    private static Encoding? FindEncoding(string? charset)
    {
        if (string.IsNullOrWhiteSpace(charset))
            return null;
        try
        {
            return Encoding.GetEncoding(charset.Trim(' ', '"', '\''));
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>A byte order mark says more than a header.</summary>
    private static string Decode(Stream bytes, Encoding encoding)
    {
        using var reader = new StreamReader(bytes, encoding, detectEncodingFromByteOrderMarks: true, leaveOpen: true);
        return reader.ReadToEnd();
    }
}
