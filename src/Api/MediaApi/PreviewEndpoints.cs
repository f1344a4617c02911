using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.UrlPreviews;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>What is behind an address.</summary>
/// <remarks>Where previews are switched off, every page has an empty one, which the spec allows.</remarks>
internal static class PreviewEndpoints
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/media/preview_url",
        AuthKind.AccessToken,
        RateClass.UrlPreview,
        "client-server-api#get_matrixclientv1mediapreview_url");

    public static readonly EndpointSpec DeprecatedSpec = new(
        "GET",
        "/_matrix/media/v3/preview_url",
        AuthKind.AccessToken,
        RateClass.UrlPreview,
        "client-server-api#get_matrixmediav3preview_url")
    {
        Aliases = ["/_matrix/media/r0/preview_url", "/_matrix/media/v1/preview_url"],
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, HandleAsync);
        table.Add(DeprecatedSpec, HandleAsync);
    }

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Query("url") is not { Length: > 0 } text)
            return MatrixError.MissingParam("url is needed.");
        if (text.Length > UrlPreviewOptions.AddressLengthMax || !Uri.TryCreate(text, UriKind.Absolute, out var address)
            || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps)
            || address.UserInfo.Length > 0)
        {
            return MatrixError.InvalidParam("url is the address of a web page, http:// or https://.");
        }
        long? atMs = null;
        if (request.Query("ts") is { } ts)
        {
            if (!long.TryParse(ts, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
                return MatrixError.InvalidParam("ts is a time in Unix milliseconds.");
            atMs = value;
        }
        if (!request.Get<UrlPreviewOptions>().IsOn)
            return MatrixResponse.Empty;
        var preview = await request.Get<UrlPreviews>().FindAsync(
            address, atMs, request.CommandContext(), request.ClientGone);
        return preview.Error is { } error ? error : new MatrixResponse.RawJson(preview.Json);
    }
}
