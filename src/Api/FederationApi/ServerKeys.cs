using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.ServerKeyApi;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers fetch our public key here, to check what we sign.</summary>
internal static class ServerKeys
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/key/v2/server", AuthKind.None, RateClass.None, "server-server-api#get_matrixkeyv2server");

    public static void Map(EndpointTable table) =>
        table.Add(Spec, static request => new(new MatrixResponse.RawJson(request.Get<OwnServerKeys>().Read())));
}
