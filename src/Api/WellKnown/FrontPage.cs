using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.WellKnown;

/// <summary>A page for people who open the server's address in a browser.</summary>
internal static class FrontPage
{
    public static readonly EndpointSpec Spec = new("GET", "/", AuthKind.None, RateClass.None, "none#front-page");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var name = System.Net.WebUtility.HtmlEncode(request.Get<HomeserverConfig>().ServerName.Value);
        var html = $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
            <body style="font-family: sans-serif; max-width: 40em; margin: 4em auto">
            <h1>{name}</h1>
            <p>This is a Matrix homeserver. Enter <code>{name}</code>, or the address of this page, in a Matrix client.</p>
            </body></html>

            """;
        request.Http.Response.ContentType = "text/html; charset=utf-8";
        await request.Http.Response.WriteAsync(html, request.ClientGone);
        return new MatrixResponse.Written();
    }
}
