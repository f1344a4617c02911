using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.MediaApi;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>How large an upload may be.</summary>
internal static class MediaConfigEndpoints
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/media/config",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixclientv1mediaconfig");

    public static readonly EndpointSpec DeprecatedSpec = new(
        "GET",
        "/_matrix/media/v3/config",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixmediav3config")
    {
        Aliases = ["/_matrix/media/r0/config", "/_matrix/media/v1/config"],
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, Handle);
        table.Add(DeprecatedSpec, Handle);
    }

    private static ValueTask<MatrixResponse> Handle(MatrixRequest request)
    {
        var bytesMax = request.Get<MediaPolicy>().UploadBytesMax;
        return new(new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("m.upload.size"u8, bytesMax);
            writer.WriteEndObject();
        }));
    }
}
