using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>Reads what a client says of itself when it registers.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #client-metadata. Names in other languages are not kept.
/// Errors: invalid_client_metadata, invalid_redirect_uri (RFC 7591, section 3.2.2).
/// </remarks>
public static class ClientMetadataReader
{
    /// <summary>LIMIT: bytes of a URI or a name. Ours: far above what clients send.</summary>
    private const int TextBytesMax = 2_048;

    /// <summary>LIMIT: members of a list. Ours: clients have a few.</summary>
    private const int ListMax = 32;

    /// <summary>LIMIT: characters of a name on a page. Ours.</summary>
    private const int NameLengthMax = 100;

    private static readonly string[] SupportedGrants =
        [ClientMetadata.AuthorizationCode, ClientMetadata.RefreshToken, ClientMetadata.DeviceCode];

    public static MatrixError? TryRead(JsonElement body, out ClientMetadata metadata)
    {
        metadata = new ClientMetadata { ClientUri = string.Empty };
        var fields = new Fields(body);
        var clientUri = fields.Text("client_uri");
        var read = new ClientMetadata
        {
            ClientUri = clientUri ?? string.Empty,
            ClientName = fields.Text("client_name") is { Length: > 0 } name ? Shown(name) : null,
            LogoUri = fields.Text("logo_uri"),
            TosUri = fields.Text("tos_uri"),
            PolicyUri = fields.Text("policy_uri"),
            RedirectUris = fields.Texts("redirect_uris") ?? [],
            ResponseTypes = [.. (fields.Texts("response_types") ?? ["code"]).Where(one => one == "code").Distinct()],
            GrantTypes = [.. (fields.Texts("grant_types") ?? [ClientMetadata.AuthorizationCode])
                .Where(SupportedGrants.Contains).Distinct()],
            IsNative = fields.Text("application_type") == "native",
        };
        if ((fields.Error ?? FindProblem(read, fields)) is { } error)
            return error;
        metadata = read;
        return null;
    }

    private static MatrixError? FindProblem(ClientMetadata read, Fields fields)
    {
        if (fields.Text("application_type") is not (null or "web" or "native"))
            return OAuthErrors.InvalidClientMetadata("application_type is web or native.");
        if (fields.Text("token_endpoint_auth_method") is not (null or "none"))
            return OAuthErrors.InvalidClientMetadata("token_endpoint_auth_method must be none: clients are public here.");
        if (read.ClientUri.Length == 0)
            return OAuthErrors.InvalidClientMetadata("client_uri is missing.");
        if (!RedirectUris.TryHttps(read.ClientUri, out var clientUri))
            return OAuthErrors.InvalidClientMetadata("client_uri must be an https:// URL without a user.");
        foreach (var (name, uri) in new[]
        {
            ("logo_uri", read.LogoUri), ("tos_uri", read.TosUri), ("policy_uri", read.PolicyUri),
        })
        {
            if (uri is not null && !(RedirectUris.TryHttps(uri, out var parsed)
                && RedirectUris.HasBase(parsed, clientUri)))
                return OAuthErrors.InvalidClientMetadata(
                    $"{name} must be an https:// URL on the host of client_uri or a subdomain of it.");
        }
        foreach (var uri in read.RedirectUris)
        {
            if (RedirectUris.FindProblem(uri, clientUri, read.IsNative) is { } problem)
                return OAuthErrors.InvalidRedirectUri(problem);
        }
        return read.RedirectUris.IsEmpty && read.GrantTypes.Contains(ClientMetadata.AuthorizationCode)
            ? OAuthErrors.InvalidRedirectUri("The authorization_code grant needs a redirect_uri.")
            : null;
    }

    /// <summary>A name as pages show it: nothing that turns the writing around or breaks the line.</summary>
    private static string? Shown(string name)
    {
        var shown = new StringBuilder();
        foreach (var rune in name.EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            if (category is System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator
                or System.Globalization.UnicodeCategory.ParagraphSeparator)
                continue;
            if (shown.Length + rune.Utf16SequenceLength > NameLengthMax)
                break;
            shown.Append(rune.ToString());
        }
        return shown.ToString().Trim() is { Length: > 0 } text ? text : null;
    }

    private sealed class Fields(JsonElement body)
    {
        public MatrixError? Error { get; private set; }

        public string? Text(string name)
        {
            if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
                return null;
            if (value.ValueKind == JsonValueKind.String && value.GetString() is { } text
                && Encoding.UTF8.GetByteCount(text) <= TextBytesMax)
                return text;
            Error ??= OAuthErrors.InvalidClientMetadata($"{name} must be a string of at most {TextBytesMax} bytes.");
            return null;
        }

        public ImmutableArray<string>? Texts(string name)
        {
            if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
                return null;
            if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= ListMax
                && value.EnumerateArray().All(one => one.ValueKind == JsonValueKind.String
                    && Encoding.UTF8.GetByteCount(one.GetString()!) <= TextBytesMax))
                return [.. value.EnumerateArray().Select(one => one.GetString()!)];
            Error ??= name == "redirect_uris"
                ? OAuthErrors.InvalidRedirectUri($"redirect_uris must be a list of at most {ListMax} URIs.")
                : OAuthErrors.InvalidClientMetadata($"{name} must be a list of at most {ListMax} strings.");
            return null;
        }
    }
}
