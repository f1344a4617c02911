using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.OAuth;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Sso;

/// <summary>Logging in on pages of this server or of an identity provider, for clients of the legacy API.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #client-login-via-sso, #oauth-20-aware-clients. With the OAuth API the pages ask for a
/// password too, so there is single sign-on without a provider.
/// </remarks>
internal static class SsoRedirect
{
    private static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/login/sso/redirect",
        AuthKind.None,
        RateClass.Login,
        "client-server-api#get_matrixclientv3loginssoredirect")
    { IsPage = true };

    private static readonly EndpointSpec ProviderSpec = new(
        "GET",
        "/_matrix/client/v3/login/sso/redirect/{idpId}",
        AuthKind.None,
        RateClass.Login,
        "client-server-api#get_matrixclientv3loginssoredirectidpid")
    { IsPage = true };

    private static readonly EndpointSpec ContinueSpec = PageRequests.Page("GET", OAuthPaths.Sso, "sso-continue", RateClass.Read);
    private static readonly EndpointSpec ContinuePostSpec = PageRequests.Page("POST", OAuthPaths.Sso, "sso-continue");

    private static readonly MatrixError Absent =
        new(404, ErrCodes.Unrecognized, "Single sign-on is not set up on this server.");

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, request => new(Redirect(request)));
        table.Add(ProviderSpec, request => new(RedirectToProvider(request)));
        table.Add(ContinueSpec, ContinueAsync);
        table.Add(ContinuePostSpec, GrantAsync);
    }

    public static bool IsOn(MatrixRequest request) =>
        OAuthPaths.IsOn(request) || !request.Get<IdentityProviders>().All.IsEmpty;

    /// <summary>The flow that GET /login lists. Spec: v1.19 client-server-api #get_matrixclientv3login.</summary>
    public static void WriteFlow(Utf8JsonWriter writer, MatrixRequest request)
    {
        if (!IsOn(request))
            return;
        writer.WriteStartObject();
        writer.WriteString("type"u8, "m.login.sso"u8);
        if (request.Get<IdentityProviders>().All is { IsEmpty: false } providers)
        {
            writer.WriteStartArray("identity_providers"u8);
            foreach (var provider in providers)
            {
                writer.WriteStartObject();
                writer.WriteString("id"u8, provider.Id);
                writer.WriteString("name"u8, provider.Name);
                if (provider.Icon is not null)
                    writer.WriteString("icon"u8, provider.Icon);
                if (provider.Brand is not null)
                    writer.WriteString("brand"u8, provider.Brand);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        if (OAuthPaths.IsOn(request))
            writer.WriteBoolean("oauth_aware_preferred"u8, true);
        writer.WriteEndObject();
    }

    private static MatrixResponse Redirect(MatrixRequest request)
    {
        if (ReadClient(request) is not (null, { } next))
            return ReadClient(request).Error!;
        var providers = request.Get<IdentityProviders>().All;
        // Where there is nothing to choose, the provider's own page is the login.
        if (!OAuthPaths.IsOn(request) && providers.Length == 1)
            return ToProvider(request, providers[0].Id, next);
        var registers = request.Query("action") == "register"
            && request.Get<RegistrationPolicy>().Mode != RegistrationOpenness.Closed;
        // The page that asks for consent leads to the login where nobody is logged in.
        var page = registers ? $"{OAuthPaths.Register}?next={Uri.EscapeDataString(next)}" : next;
        return request.RedirectTo(OAuthPaths.Relative(request, page), 302);
    }

    private static MatrixResponse RedirectToProvider(MatrixRequest request)
    {
        if (ReadClient(request) is not (null, { } next))
            return ReadClient(request).Error!;
        return request.Get<IdentityProviders>().Find(request.Path("idpId")) is { } provider
            ? ToProvider(request, provider.Id, next)
            : MatrixError.NotFound("There is no such identity provider.");
    }

    private static MatrixResponse ToProvider(MatrixRequest request, string id, string next) => request.RedirectTo(
        OAuthPaths.Relative(request, $"{OAuthPaths.Upstream}{id}?next={Uri.EscapeDataString(next)}"), 302);

    /// <summary>Where to go on once the user is known, which is with the client that wants a token.</summary>
    private static (MatrixError? Error, string? Next) ReadClient(MatrixRequest request) =>
        !IsOn(request) ? (Absent, null)
        : request.Query("redirectUrl") is not { Length: > 0 } url ? (MatrixError.MissingParam("redirectUrl is missing."), null)
        : !ClientUrl.TryParse(url, out _) ? (MatrixError.InvalidParam("A client cannot be reached at this redirectUrl."), null)
        : (null, $"{OAuthPaths.Sso}?redirectUrl={Uri.EscapeDataString(url)}");

    /// <summary>Asks whether the client may have a token, unless it is one that the administrator knows.</summary>
    private static async ValueTask<MatrixResponse> ContinueAsync(MatrixRequest request)
    {
        if (!IsOn(request))
            return Absent;
        if (!ClientUrl.TryParse(request.Query("redirectUrl"), out var client))
            return MatrixError.InvalidParam("A client cannot be reached at this redirectUrl.");
        if (await request.FindSessionAsync() is not { } session)
            return request.GoToLogin(request.Here());
        if (request.Get<HomeserverConfig>().OAuth.KnownClients.Any(known =>
            client.Text.StartsWith(known, StringComparison.Ordinal)))
            return Grant(request, client, session);
        return await request.ShowAsync(new HtmlPage(
            "Go on to your app?",
            Html.Of(
                $"""
                <p>An app at <strong>{client.Destination}</strong> wants to use your account: read and send messages, see your
                rooms and your profile, and change them.</p>
                <dl><dt>Account</dt><dd>{session.UserId.Value}</dd><dt>It is sent to</dt><dd>{client.Text}</dd></dl>
                <p class="soft">Go on only if you have just begun to log in there.</p>
                <form method="post" action="{OAuthPaths.Relative(request, request.Here())}">{request.FormToken()}
                <input type="hidden" name="user" value="{session.UserId.Value}">
                <button>Continue</button></form>
                {LoginForms.SignedInAs(request, session.UserId, request.Here())}
                """),
            FormTarget: client.FormTarget));
    }

    private static async ValueTask<MatrixResponse> GrantAsync(MatrixRequest request)
    {
        if (!IsOn(request))
            return Absent;
        if (!ClientUrl.TryParse(request.Query("redirectUrl"), out var client))
            return MatrixError.InvalidParam("A client cannot be reached at this redirectUrl.");
        var (form, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return error;
        return await request.FindSessionAsync() is { } session && form.Find("user") == session.UserId.Value
            ? Grant(request, client, session)
            : request.GoToLogin(request.Here());
    }

    private static MatrixResponse Grant(MatrixRequest request, ClientUrl client, BrowserSession session) =>
        request.RedirectTo(client.WithToken(
            request.Get<LoginTokens>().Create(session.UserId, LoginTokens.SsoLifetime)));
}

/// <summary>Where a client of the legacy API waits for its login token.</summary>
internal sealed record ClientUrl(string Text, string Scheme)
{
    /// <summary>LIMIT: characters. Ours: it stands in other URLs, escaped.</summary>
    private const int LengthMax = 2_048;

    /// <summary>What browsers do with these is not to go to a client.</summary>
    private static readonly string[] Forbidden =
        ["javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "mailto", "ws", "wss", "ftp"];

    public static bool TryParse(string? text, out ClientUrl url)
    {
        url = new(string.Empty, string.Empty);
        if (text is null or { Length: > LengthMax }
            || text.Any(one => one is <= ' ' or > '~' or '\\' or '"' or '<' or '>'))
            return false;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || !Uri.CheckSchemeName(text[..colon]) || !Uri.TryCreate(text, UriKind.Absolute, out var parsed))
            return false;
        var scheme = text[..colon].ToLowerInvariant();
        if (Forbidden.Contains(scheme)
            || (scheme is "http" or "https" && (parsed.Host.Length == 0 || parsed.UserInfo.Length > 0)))
            return false;
        url = new(text, scheme);
        return true;
    }

    /// <summary>What of it tells a person where it leads.</summary>
    public string Destination =>
        Scheme is "http" or "https" ? new Uri(Text).GetLeftPart(UriPartial.Authority) : $"an app on this device ({Scheme}:)";

    public string? FormTarget => Scheme is not ("http" or "https") ? Scheme + ":"
        : new Uri(Text).HostNameType == UriHostNameType.IPv6 ? null
        : new Uri(Text).GetLeftPart(UriPartial.Authority);

    /// <summary>Spec: v1.19 client-server-api #handling-the-callback-from-the-authentication-server: tokens that were
    /// there before are taken out.</summary>
    public string WithToken(string token)
    {
        var hash = Text.IndexOf('#', StringComparison.Ordinal);
        var (address, fragment) = hash < 0 ? (Text, string.Empty) : (Text[..hash], Text[hash..]);
        var mark = address.IndexOf('?', StringComparison.Ordinal);
        var path = mark < 0 ? address : address[..mark];
        var kept = (mark < 0 ? string.Empty : address[(mark + 1)..]).Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(part => Uri.UnescapeDataString(part.Split('=')[0]) != "loginToken");
        return $"{path}?{string.Join('&', kept.Append($"loginToken={token}"))}{fragment}";
    }
}
