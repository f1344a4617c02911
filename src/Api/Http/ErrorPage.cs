using System.Globalization;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Http;

/// <summary>A refusal as a page.</summary>
internal static class ErrorPage
{
    public static async ValueTask<MatrixResponse> WriteAsync(HttpContext http, MatrixError error)
    {
        if (error.RetryAfterMs is { } retryAfterMs)
            http.Response.Headers.RetryAfter = ((retryAfterMs + 999) / 1000).ToString(CultureInfo.InvariantCulture);
        var name = http.RequestServices.GetRequiredService<HomeserverConfig>().ServerName.Value;
        return await new HtmlPage(
            "This did not work",
            Html.Of($"""<p class="error" role="alert">{error.Message}</p><p class="soft">{error.ErrCode}</p>"""),
            error.Status).WriteAsync(http, name);
    }
}
