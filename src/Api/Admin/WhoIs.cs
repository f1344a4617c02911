using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Admin;

/// <summary>The sessions of a user: for administrators, and for the user.</summary>
/// <remarks>Of each device the last connection is known, and no other (ADR 0083); none until it was used.</remarks>
internal static class WhoIs
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/admin/whois/{userId}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3adminwhoisuserid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.TryGetUser(out var userId) is { } error)
            return error;
        if (userId != request.Requester.UserId && !request.Requester.IsAdmin)
            return MatrixError.Forbidden("Only administrators may look up others.");
        var accounts = await request.ReadAsync<IAccountQueries>();
        if (await accounts.FindAsync(userId, request.ClientGone) is null)
            return MatrixError.NotFound("There is no such user.");
        var devices = await request.Get<IDeviceQueries>().AllAsync(userId, request.ClientGone);
        var seen = await request.FindSightingsAsync(userId, devices);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("user_id"u8, userId.Value);
            writer.WriteStartObject("devices"u8);
            foreach (var device in devices)
            {
                writer.WriteStartObject(device.DeviceId);
                writer.WriteStartArray("sessions"u8);
                writer.WriteStartObject();
                writer.WriteStartArray("connections"u8);
                if (seen.TryGetValue(device.DeviceId, out var connection))
                    Write(writer, connection);
                writer.WriteEndArray();
                writer.WriteEndObject();
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter writer, DeviceSighting connection)
    {
        writer.WriteStartObject();
        writer.WriteString("ip"u8, connection.Address);
        writer.WriteNumber("last_seen"u8, connection.SeenAtMs);
        if (connection.UserAgent is not null)
            writer.WriteString("user_agent"u8, connection.UserAgent);
        writer.WriteEndObject();
    }
}
