using Matrix.EventSourced.Api.Admin;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.FedSender;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The destinations command on a running server: a line of JSON for each server, the worst first.</summary>
internal static class DestinationsControl
{
    public static readonly EndpointSpec Spec =
        new("POST", "/control/destinations", AuthKind.None, RateClass.None, "none#destinations");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var all = await request.Get<FedSenderQueries>().StatusAsync(request.ClientGone);
        var lines = all
            .Select(destination => ControlLines.Json(json => Destinations.Write(json, destination)))
            .ToAsyncEnumerable();
        await ControlLines.WriteAsync(request.Http, lines, request.ClientGone);
        return new MatrixResponse.Written();
    }
}
