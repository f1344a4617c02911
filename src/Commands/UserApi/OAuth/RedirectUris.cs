using System.Net;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>Where codes may be sent.</summary>
/// <remarks>Spec: v1.19 client-server-api #redirect-uri-validation.</remarks>
public static class RedirectUris
{
    private static readonly string[] LoopbackHosts = ["localhost", "127.0.0.1", "[::1]"];

    /// <summary>Why a client may not register this URI; null when it may.</summary>
    public static string? FindProblem(string uri, Uri clientUri, bool isNative)
    {
        if (!IsPlain(uri) || uri.Contains('#'))
            return "A redirect URI has no fragment and no characters that a URI has not.";
        if (uri.StartsWith("https://", StringComparison.Ordinal))
            return TryHttps(uri, out var https) && HasBase(https, clientUri)
                ? null
                : "An https:// redirect URI must be on the host of client_uri or a subdomain of it, without a user.";
        if (!isNative)
            return "A web client's redirect URIs must be https://.";
        if (uri.StartsWith("http://", StringComparison.Ordinal))
            return TryLoopback(uri, out var port, out _) && port.Length == 0
                ? null
                : "An http:// redirect URI must be on localhost, 127.0.0.1 or [::1], without a port.";
        return FindProblemOfScheme(uri, clientUri.Host);
    }

    /// <summary>Whether a URI is one of the registered; on the loopback interface any port will do.</summary>
    public static bool IsRegistered(string uri, ClientMetadata client)
    {
        foreach (var registered in client.RedirectUris)
        {
            if (string.Equals(registered, uri, StringComparison.Ordinal))
                return true;
            if (client.IsNative && TryLoopback(registered, out _, out var expected) && IsPlain(uri)
                && TryLoopback(uri, out _, out var given) && string.Equals(expected, given, StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    public static bool TryHttps(string text, out Uri uri)
    {
        uri = null!;
        if (!IsPlain(text) || !text.StartsWith("https://", StringComparison.Ordinal)
            || !Uri.TryCreate(text, UriKind.Absolute, out var parsed)
            || parsed.UserInfo.Length > 0 || parsed.Host.Length == 0 || Authority(text[8..]).Contains('@'))
            return false;
        uri = parsed;
        return true;
    }

    /// <summary>The same host, or a subdomain of it.</summary>
    public static bool HasBase(Uri uri, Uri clientUri) =>
        string.Equals(uri.Host, clientUri.Host, StringComparison.OrdinalIgnoreCase)
        || (clientUri.HostNameType == UriHostNameType.Dns
            && uri.Host.EndsWith("." + clientUri.Host, StringComparison.OrdinalIgnoreCase));

    private static string? FindProblemOfScheme(string uri, string clientHost)
    {
        const string problem =
            "A private scheme must begin with the host of client_uri, its parts turned around, and have no authority.";
        // A host without a dot would allow schemes that browsers know, javascript: for one.
        if (!clientHost.Contains('.') || IPAddress.TryParse(clientHost.Trim('[', ']'), out _))
            return problem;
        var colon = uri.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || uri.AsSpan(colon + 1).StartsWith("//") || !Uri.CheckSchemeName(uri[..colon]))
            return problem;
        var reversed = string.Join('.', clientHost.Split('.').Reverse());
        var scheme = uri[..colon];
        return string.Equals(scheme, reversed, StringComparison.OrdinalIgnoreCase)
            || scheme.StartsWith(reversed + ".", StringComparison.OrdinalIgnoreCase)
                ? null
                : problem;
    }

    /// <summary>Takes the port out of an <c>http://</c> URI on the loopback interface.</summary>
    private static bool TryLoopback(string uri, out string port, out string withoutPort)
    {
        (port, withoutPort) = (string.Empty, string.Empty);
        const string scheme = "http://";
        if (!uri.StartsWith(scheme, StringComparison.Ordinal))
            return false;
        var rest = uri[scheme.Length..];
        var authority = Authority(rest);
        foreach (var host in LoopbackHosts)
        {
            if (!authority.StartsWith(host, StringComparison.Ordinal))
                continue;
            var after = authority[host.Length..];
            if (after.Length > 0 && !(after[0] == ':' && ushort.TryParse(
                after[1..], System.Globalization.NumberStyles.None, null, out var number) && number > 0))
                continue;
            port = after;
            withoutPort = scheme + host + rest[authority.Length..];
            return true;
        }
        return false;
    }

    private static string Authority(string rest)
    {
        var end = rest.AsSpan().IndexOfAny('/', '?', '#');
        return end < 0 ? rest : rest[..end];
    }

    /// <summary>Printable ASCII without what browsers read in their own way.</summary>
    private static bool IsPlain(string uri) =>
        uri.Length > 0
        && uri.All(character => character is > ' ' and <= '~' and not ('\\' or '"' or '<' or '>' or '^' or '`'));
}
