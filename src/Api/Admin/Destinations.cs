using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Admin;

/// <summary>Which servers lag behind, and why: for administrators.</summary>
internal static class Destinations
{
    public const string Path = "/_admin/v1/destinations";

    public static readonly EndpointSpec Spec = new(
        "GET", Path, AuthKind.AccessToken, RateClass.None, "none#destinations");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.Requester.IsAdmin)
            return MatrixError.Forbidden("Only administrators may see this.");
        var all = await request.Get<FedSenderQueries>().StatusAsync(request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("destinations"u8);
            foreach (var destination in all)
                Write(writer, destination);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    internal static void Write(Utf8JsonWriter writer, DestinationStatus destination)
    {
        writer.WriteStartObject();
        writer.WriteString("destination"u8, destination.Destination);
        writer.WriteNumber("delivered_up_to"u8, destination.DeliveredUpTo);
        writer.WriteNumber("pdus_waiting"u8, destination.PdusWaiting);
        writer.WriteNumber("edus_waiting"u8, destination.EdusWaiting);
        if (destination.OldestMs > 0)
            writer.WriteNumber("oldest_waiting_ts"u8, destination.OldestMs);
        if (destination.Failures > 0)
        {
            writer.WriteNumber("failures"u8, destination.Failures);
            writer.WriteNumber("failing_since_ts"u8, destination.FailingSinceMs);
            writer.WriteNumber("retry_at_ts"u8, destination.RetryAtMs);
            writer.WriteString("reason"u8, destination.Reason);
        }
        writer.WriteEndObject();
    }
}
