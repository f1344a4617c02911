using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.FederationApi;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers send us PDUs and EDUs.</summary>
internal static class SendTransaction
{
    public static readonly EndpointSpec Spec = new(
        "PUT", "/_matrix/federation/v1/send/{txnId}", AuthKind.Server, RateClass.None,
        "server-server-api#put_matrixfederationv1sendtxnid")
    {
        // LIMIT: 50 PDUs of 64 KiB and 100 EDUs fit.
        BodyBytesMax = 12 * 1_048_576,
        NulAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        var answer = await request.Get<InboundTransactions>().ReceiveAsync(
            request.CommandContext(), request.Origin, request.Path("txnId"), body);
        if (answer.Error is not null)
            return answer.Error;
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteStartObject("pdus"u8);
            foreach (var (eventId, problem) in answer.Pdus.DistinctBy(entry => entry.Key))
            {
                json.WriteStartObject(eventId.Value);
                if (problem is not null)
                    json.WriteString("error"u8, problem);
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }
}
