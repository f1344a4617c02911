using System.Diagnostics.CodeAnalysis;
using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>The credentials of a request between servers: who sent it to whom, and the proof.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #request-authentication; RFC 9110 sections 5.6.2, 5.6.4 and 11.4.
/// Shape: <c>X-Matrix origin="a",destination="b",key="ed25519:1",sig="…"</c>. Signature is unpadded base64 of 64 bytes,
/// not checked yet. Destination is null where an older server left it out.
/// Reading takes: names and scheme in any case, values quoted (with backslash escapes) or not, colons and the padding
/// of base64 outside of quotes, blanks around commas, empty list elements, unknown parameters (ignored).
/// NOTSPEC: the same known parameter twice is refused, so that no two readers see different origins.
/// Errors: <see cref="TryParse"/> is false for anything else; never an exception. Cost: one pass.
/// </remarks>
public sealed record XMatrixHeader(ServerName Origin, ServerName? Destination, KeyId KeyId, string Signature)
{
    public const string Scheme = "X-Matrix";

    private const int SignatureBytes = 64;

    /// <summary>Reads the value of an Authorization header.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out XMatrixHeader? header)
    {
        header = null;
        if (text is null || text.Length > Limits.XMatrixHeaderCharactersMax
            || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }
        var rest = text.AsSpan(Scheme.Length);
        if (rest.Length == 0 || rest[0] != ' ')
            return false;
        var parameters = default(Parameters);
        return parameters.TryRead(rest) && parameters.TryMake(out header);
    }

    /// <summary>The header in the form that older servers read, too: quoted, without blanks, one blank after the
    /// scheme.</summary>
    public override string ToString()
    {
        var destination = Destination is { } name ? $"destination=\"{name.Value}\"," : string.Empty;
        return $"{Scheme} origin=\"{Origin.Value}\",{destination}key=\"{KeyId.Value}\",sig=\"{Signature}\"";
    }

    /// <summary>The characters of RFC 9110's token, and the colon, slash and equals signs that older servers leave
    /// unquoted.</summary>
    private static bool IsValueCharacter(char character) =>
        IsTokenCharacter(character) || character is ':' or '/' or '=';

    private static bool IsTokenCharacter(char character) =>
        char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character, StringComparison.Ordinal);

    private struct Parameters
    {
        private string? _origin;
        private string? _destination;
        private string? _key;
        private string? _signature;

        public bool TryRead(ReadOnlySpan<char> text)
        {
            while (true)
            {
                text = text.TrimStart(" \t,");
                if (text.Length == 0)
                    return true;
                if (!TryReadOne(ref text))
                    return false;
                text = text.TrimStart(" \t");
                if (text.Length > 0 && text[0] != ',')
                    return false;
            }
        }

        public readonly bool TryMake([NotNullWhen(true)] out XMatrixHeader? header)
        {
            header = null;
            ServerName? destination = null;
            if (_destination is not null)
            {
                if (!ServerName.TryParse(_destination, out var name))
                    return false;
                destination = name;
            }
            if (!ServerName.TryParse(_origin, out var origin) || !KeyId.TryParse(_key, out var keyId))
                return false;
            Span<byte> signature = stackalloc byte[SignatureBytes];
            if (_signature is null || !UnpaddedBase64.TryDecodeExact(_signature, signature))
                return false;
            header = new XMatrixHeader(origin, destination, keyId, _signature.TrimEnd('='));
            return true;
        }

        private bool TryReadOne(ref ReadOnlySpan<char> text)
        {
            var length = 0;
            while (length < text.Length && IsTokenCharacter(text[length]))
                length++;
            var name = text[..length];
            text = text[length..].TrimStart(" \t");
            if (length == 0 || text.Length == 0 || text[0] != '=')
                return false;
            text = text[1..].TrimStart(" \t");
            var value = text.Length > 0 && text[0] == '"' ? ReadQuoted(ref text) : ReadPlain(ref text);
            return value is not null && TryKeep(name, value);
        }

        private static string? ReadPlain(ref ReadOnlySpan<char> text)
        {
            var length = 0;
            while (length < text.Length && IsValueCharacter(text[length]))
                length++;
            var value = text[..length].ToString();
            text = text[length..];
            return length > 0 ? value : null;
        }

        private static string? ReadQuoted(ref ReadOnlySpan<char> text)
        {
            var value = new StringBuilder();
            for (var i = 1; i < text.Length; i++)
            {
                if (text[i] == '"')
                {
                    text = text[(i + 1)..];
                    return value.ToString();
                }
                if (text[i] == '\\' && ++i == text.Length)
                    return null;
                value.Append(text[i]);
            }
            return null;
        }

        private bool TryKeep(ReadOnlySpan<char> name, string value)
        {
            if (name.Equals("origin", StringComparison.OrdinalIgnoreCase))
                return TrySet(ref _origin, value);
            if (name.Equals("destination", StringComparison.OrdinalIgnoreCase))
                return TrySet(ref _destination, value);
            if (name.Equals("key", StringComparison.OrdinalIgnoreCase))
                return TrySet(ref _key, value);
            // SPEC?: the list of parameters says signature, the example and every server say sig.
            return !name.Equals("sig", StringComparison.OrdinalIgnoreCase) || TrySet(ref _signature, value);
        }

        private static bool TrySet(ref string? parameter, string value)
        {
            if (parameter is not null)
                return false;
            parameter = value;
            return true;
        }
    }
}
