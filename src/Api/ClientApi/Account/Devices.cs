using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Lists, shows and renames the requester's devices.</summary>
internal static class Devices
{
    public static readonly EndpointSpec ListSpec = new(
        "GET",
        "/_matrix/client/v3/devices",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3devices")
    {
        GuestsAllowed = true,
    };

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        "/_matrix/client/v3/devices/{deviceId}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3devicesdeviceid")
    {
        GuestsAllowed = true,
    };

    public static readonly EndpointSpec PutSpec = new(
        "PUT",
        "/_matrix/client/v3/devices/{deviceId}",
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#put_matrixclientv3devicesdeviceid")
    {
        GuestsAllowed = true,
    };

    private static readonly MatrixError Unknown = MatrixError.NotFound("You have no device with this id.");

    public static void Map(EndpointTable table)
    {
        table.Add(ListSpec, ListAsync);
        table.Add(GetSpec, GetAsync);
        table.Add(PutSpec, PutAsync);
    }

    private static async ValueTask<MatrixResponse> ListAsync(MatrixRequest request)
    {
        var queries = await request.ReadAsync<IDeviceQueries>();
        var devices = await queries.AllAsync(request.Requester.UserId, request.ClientGone);
        var seen = await request.FindSightingsAsync(request.Requester.UserId, devices);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("devices"u8);
            foreach (var device in devices)
                Write(writer, device, seen.GetValueOrDefault(device.DeviceId));
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        var queries = await request.ReadAsync<IDeviceQueries>();
        var device = await queries.FindAsync(request.Requester.UserId, request.Path("deviceId"), request.ClientGone);
        if (device is null)
            return Unknown;
        var seen = await request.FindSightingsAsync(request.Requester.UserId, [device]);
        return new MatrixResponse.Json(writer => Write(writer, device, seen.GetValueOrDefault(device.DeviceId)));
    }

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var name, error) = ReadName(body);
        if (error is not null)
            return error;
        var deviceId = request.Path("deviceId");
        if (request.Requester.AppserviceId is not null)
        {
            // Spec: v1.19 application-service-api #creating-devices.
            return await request.SendAsync(
                new PutAppserviceDevice(request.CommandContext(), request.Requester.UserId, deviceId, name),
                static isNew => isNew ? new MatrixResponse.RawJson("{}"u8.ToArray(), 201) : MatrixResponse.Empty);
        }
        if (name is not null)
            return await request.SendAsync(
                new RenameDevice(request.CommandContext(), request.Requester.UserId, deviceId, name));

        // No name given: the name stays, but the device must be there.
        var queries = await request.ReadAsync<IDeviceQueries>();
        return await queries.FindAsync(request.Requester.UserId, deviceId, request.ClientGone) is null
            ? Unknown
            : MatrixResponse.Empty;
    }

    private static (string? Name, MatrixError? Error) ReadName(JsonElement body)
    {
        var fields = new BodyFields(body);
        return (fields.OptionalString("display_name"), fields.Error);
    }

    private static void Write(Utf8JsonWriter writer, Device device, DeviceSighting? seen)
    {
        writer.WriteStartObject();
        writer.WriteString("device_id"u8, device.DeviceId);
        if (device.DisplayName is not null)
            writer.WriteString("display_name"u8, device.DisplayName);
        if (seen is not null)
        {
            writer.WriteString("last_seen_ip"u8, seen.Address);
            writer.WriteNumber("last_seen_ts"u8, seen.SeenAtMs);
        }
        writer.WriteEndObject();
    }
}
