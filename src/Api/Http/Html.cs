using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Matrix.EventSourced.Api.Http;

/// <summary>A piece of a page. Whatever is put into one is escaped, unless it is a piece itself.</summary>
/// <remarks>Requires: attributes stand in double quotes, and nothing is put into scripts, styles or names.</remarks>
public readonly record struct Html(string Text)
{
    public static readonly Html Empty = new(string.Empty);

    public static Html Of(HtmlHandler handler) => new(handler.ToString());

    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces.Select(piece => piece.Text)));

    public override string ToString() => Text;
}

/// <summary>Takes an interpolated string apart: what stands there is the page's, what is put in is escaped.</summary>
[InterpolatedStringHandler]
public readonly struct HtmlHandler
{
    private readonly StringBuilder _text;

    public HtmlHandler(int literalLength, int formattedCount) =>
        _text = new StringBuilder(literalLength + (formattedCount * 32));

    public void AppendLiteral(string literal) => _text.Append(literal);

    public void AppendFormatted(Html piece) => _text.Append(piece.Text);

    public void AppendFormatted(string? text) => _text.Append(HtmlEncoder.Default.Encode(text ?? string.Empty));

    public void AppendFormatted(int number) =>
        _text.Append(number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public override string ToString() => _text.ToString();
}
