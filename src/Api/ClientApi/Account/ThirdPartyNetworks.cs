using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Networks that application services bridge to: none, since none is registered.</summary>
/// <remarks>Spec: v1.19 client-server-api #third-party-networks.</remarks>
internal static class ThirdPartyNetworks
{
    private const string Path = "/_matrix/client/v3/thirdparty/";

    private static readonly MatrixError NoProtocol = MatrixError.NotFound("There is no such protocol here.");
    private static readonly MatrixError NoPortal = MatrixError.NotFound("No network was found for this.");

    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec("protocols", "protocols"), static _ => ValueTask.FromResult(MatrixResponse.Empty)),
        (Spec("protocol/{protocol}", "protocolprotocol"), static _ => Refuse(NoProtocol)),
        (Spec("location/{protocol}", "locationprotocol"), static _ => Refuse(NoProtocol)),
        (Spec("user/{protocol}", "userprotocol"), static _ => Refuse(NoProtocol)),
        (Spec("location", "location"), static request => Refuse(Without(request, "alias") ?? NoPortal)),
        (Spec("user", "user"), static request => Refuse(Without(request, "userid") ?? NoPortal)),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string path, string heading) => new(
        "GET",
        Path + path,
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3thirdparty" + heading);

    private static ValueTask<MatrixResponse> Refuse(MatrixError error) => ValueTask.FromResult<MatrixResponse>(error);

    private static MatrixError? Without(MatrixRequest request, string parameter) =>
        request.Query(parameter) is null ? MatrixError.MissingParam($"{parameter} is missing.") : null;
}
