using System.Net.Http.Headers;
using System.Text;

namespace Matrix.EventSourced.Media.Content;

/// <summary>The header that says whether content is shown or saved, and under which name.</summary>
/// <remarks>RFC 6266: a name of printable ASCII in quotes, any other in UTF-8 by RFC 5987. One form each, never both:
/// readers differ in which of two they take.</remarks>
public static class ContentDisposition
{
    /// <summary>LIMIT: bytes of a file's name in UTF-8. Ours: four times what file systems take.</summary>
    public const int FileNameBytesMax = 1024;

    public static string Format(bool isInline, string? fileName)
    {
        var disposition = isInline ? "inline" : "attachment";
        if (string.IsNullOrEmpty(fileName))
            return disposition;
        if (fileName.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return $"{disposition}; filename*=utf-8''{Uri.EscapeDataString(fileName)}";
        var quoted = fileName
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal);
        return $"{disposition}; filename=\"{quoted}\"";
    }

    /// <summary>The name that another server says; null for none, or for one that cannot be kept.</summary>
    public static string? FindFileName(string? header)
    {
        if (string.IsNullOrWhiteSpace(header) || !ContentDispositionHeaderValue.TryParse(header, out var parsed))
            return null;
        // The property for the plain name takes the quotes off, but not what stands for a quote within them.
        var plain = parsed.Parameters.FirstOrDefault(
            parameter => parameter.Name.Equals("filename", StringComparison.OrdinalIgnoreCase));
        var name = parsed.FileNameStar ?? Unquoted(plain?.Value);
        return IsKept(name) ? name : null;
    }

    public static bool IsKept(string? fileName) => !string.IsNullOrEmpty(fileName)
        && Encoding.UTF8.GetByteCount(fileName) <= FileNameBytesMax
        && !fileName.Contains('\0', StringComparison.Ordinal);

    private static string? Unquoted(string? text)
    {
        if (text is not ['"', .. var inner, '"'])
            return text;
        var plain = new StringBuilder(inner.Length);
        for (var i = 0; i < inner.Length; i++)
        {
            if (inner[i] == '\\' && i + 1 < inner.Length)
                i++;
            plain.Append(inner[i]);
        }
        return plain.ToString();
    }
}
