using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Writes pages that need no script.</summary>
/// <remarks>
/// Ensures: nothing of it is kept by caches, shown in frames, or read by other sites; no script runs but
/// <paramref name="Script"/>, nothing is loaded from anywhere.
/// </remarks>
/// <param name="Title">What it is called.</param>
/// <param name="Body">What it shows.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="FormTarget">Where else its forms may lead, as CSP says it; null where that cannot be said.</param>
/// <param name="Script">A script of ours, without anything put into it.</param>
internal sealed record HtmlPage(
    string Title, Html Body, int Status = 200, string? FormTarget = "", string? Script = null)
{
    private const string Style =
        """
        :root { color-scheme: light dark; --fore: #1b1d22; --back: #f4f5f7; --card: #fff; --line: #c9ced6; --main: #0b6b55;
          --on-main: #fff; --soft: #59606b; --bad: #b3261e }
        @media (prefers-color-scheme: dark) { :root { --fore: #eceef1; --back: #14161a; --card: #1e2127; --line: #474d57;
          --main: #5bc9ab; --on-main: #06241c; --soft: #a6adb8; --bad: #ff8a80 } }
        * { box-sizing: border-box }
        body { margin: 0; padding: 1.5rem 1rem; background: var(--back); color: var(--fore);
          font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
        main { max-width: 28rem; margin: 2rem auto; padding: 1.75rem; background: var(--card); border: 1px solid var(--line);
          border-radius: .9rem }
        h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .75rem }
        h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }
        p { margin: .6rem 0 } .soft, footer { color: var(--soft); font-size: .9rem }
        footer { max-width: 28rem; margin: 0 auto; text-align: center }
        label { display: block; margin: .9rem 0 .25rem; font-weight: 600 }
        input[type=text], input[type=password] { width: 100%; padding: .65rem .75rem; font: inherit; color: inherit;
          background: var(--back); border: 1px solid var(--soft); border-radius: .5rem }
        label.check { font-weight: 400; display: flex; gap: .5rem; align-items: baseline }
        button, a.button { display: block; width: 100%; margin: .9rem 0 0; padding: .7rem 1rem; font: inherit; font-weight: 600;
          text-align: center; text-decoration: none; border: 1px solid var(--main); border-radius: .5rem;
          background: var(--main); color: var(--on-main); cursor: pointer }
        button.second, a.second { background: transparent; color: var(--main) }
        button.bad { background: var(--bad); border-color: var(--bad); color: var(--card) }
        button.link { display: inline; width: auto; margin: 0; padding: 0; border: 0; background: none; color: var(--main);
          text-decoration: underline; font-weight: 400 }
        a { color: var(--main) } :focus-visible { outline: 3px solid var(--main); outline-offset: 2px }
        .error { color: var(--bad); font-weight: 600 } code { font-size: .95em }
        .code { font: 700 1.6rem/1.4 ui-monospace, monospace; letter-spacing: .12em; text-align: center }
        dl { margin: .75rem 0; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem }
        dt { color: var(--soft); font-size: .85rem } dd { margin: 0 0 .5rem } dd:last-child { margin: 0 }
        ul.list { list-style: none; padding: 0; margin: .5rem 0 } ul.list li { padding: .6rem 0;
          border-top: 1px solid var(--line) }
        nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0 0 1rem }
        form.soft { margin-top: 1.25rem } .or { text-align: center; color: var(--soft); margin: 1.1rem 0 0 }
        """;

    private static readonly string StyleHash = HashOf(Style);

    public async ValueTask<MatrixResponse> WriteAsync(HttpContext http, string serverName)
    {
        var script = Script is null ? Html.Empty : new Html($"<script>{Script}</script>");
        var page = Html.Of(
            $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex"><title>{Title} · {serverName}</title>
            <style>{new Html(Style)}</style></head>
            <body><main><h1>{Title}</h1>
            {Body}
            </main><footer>{serverName}</footer>{script}</body></html>

            """);
        var response = http.Response;
        response.StatusCode = Status;
        response.ContentType = "text/html; charset=utf-8";
        Protect(response.Headers);
        var form = FormTarget is null ? string.Empty : $"form-action 'self' {FormTarget}; ";
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src '{StyleHash}'; {(Script is null ? string.Empty : $"script-src '{HashOf(Script)}'; ")}"
            + form + "base-uri 'none'; frame-ancestors 'none'";
        var bytes = Encoding.UTF8.GetBytes(page.Text);
        response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await response.BodyWriter.WriteAsync(bytes, http.RequestAborted);
        return new MatrixResponse.Written();
    }

    /// <summary>What every answer of the pages says, redirects too.</summary>
    public static void Protect(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-store";
        headers.XFrameOptions = "DENY";
        headers.XContentTypeOptions = "nosniff";
        // Not no-referrer: browsers would then not say from where a form of ours was sent.
        headers["Referrer-Policy"] = "same-origin";
    }

    private static string HashOf(string text) =>
        "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
