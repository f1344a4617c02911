using System.Buffers.Text;
using System.Net;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Small pages with one form, for clients that leave a login to the browser.</summary>
/// <remarks>Ensures: only the page's own script runs, and it talks to this server only.</remarks>
internal static class BrowserPages
{
    private const string Style =
        "body { font-family: sans-serif; max-width: 24em; margin: 4em auto } "
        + "label, input, button { display: block; width: 100%; box-sizing: border-box; margin: .4em 0; padding: .4em }";

    /// <summary>Writes a page. Requires: title, form and script hold nothing that a stranger wrote.</summary>
    public static async ValueTask<MatrixResponse> WriteAsync(
        MatrixRequest request, string title, string form, string script)
    {
        var nonce = CreateNonce(request);
        var server = WebUtility.HtmlEncode(request.Get<HomeserverConfig>().ServerName.Value);
        var html = $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>{title}</title>
            <meta name="viewport" content="width=device-width">
            <style nonce="{nonce}">{Style}</style></head>
            <body><h1>{title}</h1><p>{server}</p>
            <form id="form">{form}<button>Go on</button></form><p id="status" role="status"></p>
            <script nonce="{nonce}">{script}</script>
            </body></html>

            """;
        var response = request.Http.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            + "form-action 'none'; base-uri 'none'";
        response.Headers["Referrer-Policy"] = "no-referrer";
        await response.WriteAsync(html, request.ClientGone);
        return new MatrixResponse.Written();
    }

    private static string CreateNonce(MatrixRequest request)
    {
        Span<byte> bytes = stackalloc byte[16];
        request.Get<IRandom>().Fill(bytes);
        return Base64Url.EncodeToString(bytes);
    }
}
