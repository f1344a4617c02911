using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Protocol.AppServices;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The appservices command on a running server: a line of JSON for each application service, the worst
/// first.</summary>
internal static class AppservicesControl
{
    public static readonly EndpointSpec Spec =
        new("POST", "/control/appservices", AuthKind.None, RateClass.None, "none#appservices");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var services = request.Get<AppserviceSet>();
        var all = services.IsEmpty
            ? []
            : await request.Get<AppserviceQueries>().StatusAsync(request.ClientGone);
        var lines = all
            .Select(status => ControlLines.Json(json => Write(json, status, services.Find(status.AppserviceId))))
            .ToAsyncEnumerable();
        await ControlLines.WriteAsync(request.Http, lines, request.ClientGone);
        return new MatrixResponse.Written();
    }

    private static void Write(Utf8JsonWriter writer, AppserviceStatus status, AppserviceRegistration? service)
    {
        writer.WriteStartObject();
        writer.WriteString("appservice"u8, status.AppserviceId);
        if (service is null)
            writer.WriteBoolean("is_registered"u8, false);
        if (service?.Url is { } url)
            writer.WriteString("url"u8, url);
        writer.WriteNumber("delivered_up_to"u8, status.DeliveredUpTo);
        writer.WriteNumber("events_waiting"u8, status.EventsWaiting);
        writer.WriteNumber("ephemeral_waiting"u8, status.EphemeralWaiting);
        if (status.OldestMs > 0)
            writer.WriteNumber("oldest_waiting_ts"u8, status.OldestMs);
        if (status.Failures > 0)
        {
            writer.WriteNumber("failures"u8, status.Failures);
            writer.WriteNumber("failing_since_ts"u8, status.FailingSinceMs);
            writer.WriteNumber("retry_at_ts"u8, status.RetryAtMs);
            writer.WriteString("reason"u8, status.Reason);
        }
        writer.WriteEndObject();
    }
}
