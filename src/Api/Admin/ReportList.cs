using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Admin;

/// <summary>What users reported, the newest first: for administrators.</summary>
/// <remarks>Ours: <c>?before=</c> goes on where an answer's <c>next</c> says. Read straight from the log: there are few
/// reports, and nobody looks at them often.</remarks>
internal static class ReportList
{
    public const string Path = "/_admin/v1/reports";

    public static readonly EndpointSpec Spec = new("GET", Path, AuthKind.AccessToken, RateClass.None, "none#reports");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.Requester.IsAdmin)
            return MatrixError.Forbidden("Only administrators may see this.");
        long? before = null;
        if (request.Query("before") is { } text)
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given))
                return MatrixError.InvalidParam("before is a number.");
            before = given;
        }
        var records = await ReadAsync(request.Get<IEventReader>(), before, request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("reports"u8);
            foreach (var record in records)
                Write(writer, record);
            writer.WriteEndArray();
            if (records is [.., { Revision: > 0 } last])
                writer.WriteNumber("next"u8, last.Revision);
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<List<LogRecord>> ReadAsync(
        IEventReader log, long? before, CancellationToken cancellationToken)
    {
        var records = new List<LogRecord>();
        if (before == 0)
            return records;
        var found = log.ReadStreamAsync(
            UserStreams.Reports, before - 1, ReadDirection.Backwards, Limits.ReportsPageMax, cancellationToken);
        await foreach (var record in found)
            records.Add(record);
        return records;
    }

    private static void Write(Utf8JsonWriter writer, LogRecord record)
    {
        if (FactCodec.Decode(record.Type, record.Data) is not ContentReported report)
            return;
        writer.WriteStartObject();
        writer.WriteNumber("report"u8, record.Revision);
        writer.WriteNumber("received_ts"u8, FactCodec.DecodeMetadata(record.Metadata).ReceivedAtMs);
        writer.WriteString("reporter"u8, report.Reporter.Value);
        if (report.RoomId is { } roomId)
            writer.WriteString("room_id"u8, roomId.Value);
        if (report.EventId is { } eventId)
            writer.WriteString("event_id"u8, eventId.Value);
        if (report.ReportedUser is { } user)
            writer.WriteString("user_id"u8, user.Value);
        if (report.Reason is not null)
            writer.WriteString("reason"u8, report.Reason);
        writer.WriteEndObject();
    }
}
