using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.ServerKeyApi;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers fetch our public key here, to check what we sign.</summary>
internal static class ServerKeys
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/key/v2/server", AuthKind.None, RateClass.None, "server-server-api#get_matrixkeyv2server");

    /// <summary>As older servers ask; the key's name says nothing, all keys are answered.</summary>
    public static readonly EndpointSpec OneSpec = new(
        "GET", "/_matrix/key/v2/server/{keyId}", AuthKind.None, RateClass.None,
        "server-server-api#get_matrixkeyv2serverkeyid");

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, Answer);
        table.Add(OneSpec, Answer);
    }

    private static ValueTask<MatrixResponse> Answer(MatrixRequest request) =>
        new(new MatrixResponse.RawJson(request.Get<OwnServerKeys>().Read()));
}
