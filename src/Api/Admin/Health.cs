using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Api.Admin;

/// <summary>
/// Whether this server can do its work: 200 when it can, 503 with the reasons when the log is out of reach, or a
/// projection or a room has stopped.
/// </summary>
internal static class Health
{
    public static readonly EndpointSpec Spec = new("GET", "/health", AuthKind.None, RateClass.None, "none#health");

    /// <summary>LIMIT: how long the log may take to say where it ends. Ours: probes wait for a few seconds.</summary>
    private static readonly TimeSpan HeadWaitMax = TimeSpan.FromSeconds(2);

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var projections = request.Get<ProjectionHost>().Status;
        var quarantined = request.Get<RoomserverHealth>().Quarantined.Count;
        var log = request.Get<IEventStore>() as ILogConnection;
        var head = log?.Status.IsConnected == false ? null : await ReadHeadAsync(request);
        // After the read: it may have found out that the node is gone.
        var connection = log?.Status;
        var isWell = quarantined == 0
            && projections.All(projection => projection.Problem is null)
            && head is not null;
        return new MatrixResponse.Json(
            writer => Write(writer, isWell, head, connection, quarantined, projections), isWell ? 200 : 503);
    }

    /// <summary>Null when the log does not say it soon: whoever asks how the server is does not wait for a node that is
    /// away.</summary>
    private static async Task<LogPosition?> ReadHeadAsync(MatrixRequest request)
    {
        try
        {
            var read = request.Get<IEventReader>().ReadHeadAsync(request.ClientGone).AsTask();
            return await read.WaitAsync(HeadWaitMax, request.Get<TimeProvider>(), request.ClientGone);
        }
        catch (Exception problem) when (problem is EventStoreException or TimeoutException)
        {
            return null;
        }
    }

    private static void Write(Utf8JsonWriter writer, LogConnectionStatus connection)
    {
        writer.WriteStartObject("log");
        writer.WriteBoolean("connected", connection.IsConnected);
        writer.WriteString("node", connection.Node);
        writer.WriteString("version", connection.Version);
        writer.WriteString("role", connection.Role);
        if (connection.Problem is { } problem)
            writer.WriteString("problem", problem);
        writer.WriteEndObject();
    }

    private static void Write(
        Utf8JsonWriter writer,
        bool isWell,
        LogPosition? head,
        LogConnectionStatus? connection,
        int quarantined,
        IReadOnlyList<ProjectionStatus> projections)
    {
        writer.WriteStartObject();
        writer.WriteBoolean("ok", isWell);
        if (head is { } position)
            writer.WriteNumber("log_position", position.Value);
        if (connection is not null)
            Write(writer, connection);
        writer.WriteNumber("rooms_quarantined", quarantined);
        writer.WriteStartObject("projections");
        foreach (var projection in projections)
        {
            writer.WriteStartObject(projection.Projection);
            writer.WriteBoolean("ok", projection.Problem is null);
            writer.WriteNumber("version", projection.Version);
            writer.WriteNumber("position", projection.Position.Value);
            if (projection.Rebuild is { } rebuild)
                writer.WriteNumber("rebuilt_percent", Math.Round(rebuild.Percent, 1));
            if (projection.Problem is { } problem)
            {
                writer.WriteStartObject("problem");
                writer.WriteNumber("position", problem.Position.Value);
                writer.WriteString("record_type", problem.RecordType);
                writer.WriteBoolean("retrying", problem.IsRetrying);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
