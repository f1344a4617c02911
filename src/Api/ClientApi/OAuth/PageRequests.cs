using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>What the pages have in common: cookies, forms that only they can send, redirects.</summary>
/// <remarks>
/// Two cookies, both out of the reach of scripts and not sent along with what other sites post. One says which browser
/// it
/// is, from the first page on; every form holds a hash of it, which nobody can make without the cookie. The other one
/// is
/// the <see cref="BrowserSession"/>.
/// </remarks>
internal static class PageRequests
{
    private static readonly MatrixError BadForm = MatrixError.Forbidden(
        "This page was open for too long, or your browser keeps no cookies of this site. Go back and try again.");

    public static ValueTask<MatrixResponse> ShowAsync(this MatrixRequest request, HtmlPage page) =>
        page.WriteAsync(request.Http, request.Get<HomeserverConfig>().ServerName.Value);

    public static EndpointSpec Page(string method, string path, string anchor, RateClass rate = RateClass.Login) =>
        new(method, path, AuthKind.None, rate, "none#" + anchor)
        {
            IsPage = true,
            BodyBytesMax = OAuthForms.BytesMax,
        };

    /// <summary>Leads the browser on, with a GET.</summary>
    public static MatrixResponse RedirectTo(this MatrixRequest request, string location, int status = 303)
    {
        var response = request.Http.Response;
        response.StatusCode = status;
        HtmlPage.Protect(response.Headers);
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.Location = location;
        response.ContentLength = 0;
        return new MatrixResponse.Written();
    }

    /// <summary>Leads on to a page of ours.</summary>
    public static MatrixResponse GoTo(this MatrixRequest request, string path) =>
        request.RedirectTo(OAuthPaths.Relative(request, path));

    /// <summary>Leads to the login, and from there back to a page of ours.</summary>
    public static MatrixResponse GoToLogin(this MatrixRequest request, string next) =>
        request.GoTo($"{OAuthPaths.Login}?next={Uri.EscapeDataString(next)}");

    /// <summary>This page, as <c>next</c> names it.</summary>
    public static string Here(this MatrixRequest request) => request.Spec.Path + request.Http.Request.QueryString.Value;

    public static ValueTask<BrowserSession?> FindSessionAsync(this MatrixRequest request) =>
        request.Get<BrowserSessions>().FindAsync(Cookie(request, SessionCookie(request)));

    /// <summary>Logs in on the pages: in place of the session that was there.</summary>
    public static async ValueTask BeginSessionAsync(
        this MatrixRequest request, Protocol.Identifiers.UserId userId)
    {
        var sessions = request.Get<BrowserSessions>();
        sessions.End(Cookie(request, SessionCookie(request)));
        SetCookie(request, SessionCookie(request), await sessions.CreateAsync(userId));
    }

    public static void EndSession(this MatrixRequest request)
    {
        request.Get<BrowserSessions>().End(Cookie(request, SessionCookie(request)));
        SetCookie(request, SessionCookie(request), string.Empty);
    }

    /// <summary>The hidden field that every form begins with.</summary>
    public static Html FormToken(this MatrixRequest request) =>
        Html.Of($"""<input type="hidden" name="form_token" value="{TokenOf(request.Browser())}">""");

    /// <summary>Which browser it is; a new one gets a cookie.</summary>
    public static string Browser(this MatrixRequest request)
    {
        if (Cookie(request, BrowserCookie(request)) is { Length: 43 } known)
            return known;
        // Both a form and a redirect may ask within one request.
        if (request.Http.Items.TryGetValue(typeof(PageRequests), out var made))
            return (string)made!;
        var secret = AccessTokens.Create(request.Get<IRandom>());
        request.Http.Items[typeof(PageRequests)] = secret;
        SetCookie(request, BrowserCookie(request), secret);
        return secret;
    }

    /// <summary>The form of a page, if it was sent by a page of ours in the same browser.</summary>
    public static async ValueTask<(FormFields Form, MatrixError? Error)> ReadPageFormAsync(this MatrixRequest request)
    {
        var (form, error) = await request.ReadFormAsync();
        if (error is not null)
            return (form, MatrixError.InvalidParam(error.Message));
        var site = request.Http.Request.Headers["Sec-Fetch-Site"].ToString();
        if (site is "cross-site" or "same-site" || Cookie(request, BrowserCookie(request)) is not { Length: 43 } browser)
            return (form, BadForm);
        var isOurs = CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(form.Find("form_token") ?? string.Empty), Encoding.UTF8.GetBytes(TokenOf(browser)));
        return (form, isOurs ? null : BadForm);
    }

    private static string TokenOf(string browser) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes("form " + browser)));

    private static string? Cookie(MatrixRequest request, string name) => request.Http.Request.Cookies[name];

    private static bool IsSecure(MatrixRequest request) =>
        request.Get<HomeserverConfig>().PublicBaseUrl.StartsWith("https://", StringComparison.Ordinal);

    // The prefix makes browsers refuse such a cookie from anybody but this very host.
    private static string SessionCookie(MatrixRequest request) =>
        IsSecure(request) ? "__Host-matrix_login" : "matrix_login";

    private static string BrowserCookie(MatrixRequest request) =>
        IsSecure(request) ? "__Host-matrix_browser" : "matrix_browser";

    private static void SetCookie(MatrixRequest request, string name, string value)
    {
        var age = value.Length == 0 ? "; Max-Age=0" : string.Empty;
        var secure = IsSecure(request) ? "; Secure" : string.Empty;
        request.Http.Response.Headers.Append(
            "Set-Cookie", $"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    }
}
