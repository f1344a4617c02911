using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Keys;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Another server asks for the whole device list of a user of ours.</summary>
internal static class UserDevices
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/federation/v1/user/devices/{userId}", AuthKind.Server, RateClass.None,
        "server-server-api#get_matrixfederationv1userdevicesuserid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!UserId.TryParse(request.Path("userId"), out var user))
            return MatrixError.InvalidParam("The path holds no user id.");
        if (!user.IsOn(request.Get<ServerIdentity>().Name))
            return MatrixError.InvalidParam("The user is not of this server.");
        await request.Get<IProjectionGate>().WaitForHeadAsync(KeyServerProjection.Gate, request.ClientGone);
        var stored = await request.Get<KeyServerReader>().ReadKeysAsync([user.Value], null, request.ClientGone);
        if (!stored.Accounts.Contains(user.Value))
            return MatrixError.NotFound("There is no such user.");
        var keys = KeyQuery.Show(stored, user, viewer: null);
        return new MatrixResponse.Json(json => Write(
            json, user, stored.StreamIds.GetValueOrDefault(user.Value), keys));
    }

    private static void Write(Utf8JsonWriter json, UserId user, long streamId, ShownKeys keys)
    {
        json.WriteStartObject();
        json.WriteString("user_id"u8, user.Value);
        json.WriteNumber("stream_id"u8, streamId);
        json.WriteStartArray("devices"u8);
        foreach (var device in keys.Devices)
        {
            json.WriteStartObject();
            json.WriteString("device_id"u8, device.DeviceId);
            WriteKey(json, "keys"u8, device.Keys);
            if (device.DisplayName is { } name)
                json.WriteString("device_display_name"u8, name);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteKey(json, "master_key"u8, keys.MasterKey);
        WriteKey(json, "self_signing_key"u8, keys.SelfSigningKey);
        json.WriteEndObject();
    }

    private static void WriteKey(Utf8JsonWriter json, ReadOnlySpan<byte> name, RawJson? key)
    {
        if (key is not { } value)
            return;
        json.WritePropertyName(name);
        json.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
    }
}
