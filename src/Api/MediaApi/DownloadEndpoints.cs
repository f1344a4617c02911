using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Content;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Media as it was uploaded: for whoever is logged in, and under the deprecated paths for everybody, where
/// that is switched on.</summary>
/// <remarks>No client is ever redirected, whatever allow_redirect says: the bytes are here.</remarks>
internal static class DownloadEndpoints
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/media/download/{serverName}/{mediaId}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixclientv1mediadownloadservernamemediaid")
    {
        GuestsAllowed = true,
    };

    public static readonly EndpointSpec NamedSpec = new(
        "GET",
        "/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixclientv1mediadownloadservernamemediaidfilename")
    {
        GuestsAllowed = true,
    };

    public static readonly EndpointSpec DeprecatedSpec = new(
        "GET",
        "/_matrix/media/v3/download/{serverName}/{mediaId}",
        AuthKind.None,
        RateClass.None,
        "client-server-api#get_matrixmediav3downloadservernamemediaid")
    {
        Aliases =
        [
            "/_matrix/media/r0/download/{serverName}/{mediaId}", "/_matrix/media/v1/download/{serverName}/{mediaId}",
        ],
    };

    public static readonly EndpointSpec DeprecatedNamedSpec = new(
        "GET",
        "/_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
        AuthKind.None,
        RateClass.None,
        "client-server-api#get_matrixmediav3downloadservernamemediaidfilename")
    {
        Aliases =
        [
            "/_matrix/media/r0/download/{serverName}/{mediaId}/{fileName}",
            "/_matrix/media/v1/download/{serverName}/{mediaId}/{fileName}",
        ],
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, static request => SendAsync(request, isPublic: false));
        table.Add(NamedSpec, static request => SendAsync(request, isPublic: false));
        MapDeprecated(table);
    }

    /// <summary>What other servers may ask for, too, that do not know the endpoints for servers yet.</summary>
    public static void MapDeprecated(EndpointTable table)
    {
        table.Add(DeprecatedSpec, DeprecatedAsync);
        table.Add(DeprecatedNamedSpec, DeprecatedAsync);
    }

    private static ValueTask<MatrixResponse> DeprecatedAsync(MatrixRequest request) =>
        request.Get<HomeserverConfig>().Media.UnauthenticatedAccess
            ? SendAsync(request, isPublic: true)
            : new(MediaRequests.Frozen);

    private static async ValueTask<MatrixResponse> SendAsync(MatrixRequest request, bool isPublic)
    {
        if (!request.TryGetMedia(out var media))
            return MediaRequests.NotFound;
        if (!request.TryGetWait(out var wait))
            return MediaRequests.InvalidWait;
        if (!request.TryGetFlag("allow_remote", true, out var isRemoteAllowed))
            return MatrixError.InvalidParam("allow_remote is true or false.");
        var fileName = request.Path("fileName") is { Length: > 0 } name ? name : null;
        if (fileName is not null && !ContentDisposition.IsKept(fileName))
            return MatrixError.InvalidParam($"A file name has at most {ContentDisposition.FileNameBytesMax} bytes.");
        var found = await request.FindMediaAsync(media, wait, isRemoteAllowed || !isPublic);
        if (found.Media is not { } stored)
            return found.Error!;
        return request.Get<IBlobStore>().Open(stored.Blob) is { } content
            ? await MediaAnswer.SendAsync(request, content, MediaAnswer.HeadersOf(stored, fileName, isPublic))
            : MediaRequests.NotFound;
    }
}
