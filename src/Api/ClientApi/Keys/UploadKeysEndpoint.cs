using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>A device publishes its keys.</summary>
internal static class UploadKeysEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/keys/upload",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3keysupload")
    {
        GuestsAllowed = true,
        BodyBytesMax = 768 * 1_024,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (CanonicalJson.FindViolation(body) is { } violation)
            return MatrixError.BadJson($"Keys must have a canonical form: {violation}");
        var requester = request.Requester;
        // Spec: v1.19 application-service-api #identity-assertion.
        if (requester.DeviceId.Length == 0)
            return MatrixError.InvalidParam("Keys belong to a device, and this request names none.");
        RawJson? deviceKeys = null;
        if (TryGet(body, "device_keys"u8, out var keys))
        {
            if (KeyShapes.FindProblem(keys, requester.UserId, requester.DeviceId) is { } wrong)
                return wrong;
            deviceKeys = KeyJson.WithSignaturesOfOnly(keys, requester.UserId);
        }
        var (oneTime, fallback) = (new List<OneTimeKey>(), new List<OneTimeKey>());
        if (TryGet(body, "one_time_keys"u8, out var given)
            && KeyShapes.Read(given, "one_time_keys", oneTime) is { } wrongKey)
            return wrongKey;
        if (TryGet(body, "fallback_keys"u8, out given)
            && KeyShapes.Read(given, "fallback_keys", fallback) is { } wrongFallback)
            return wrongFallback;
        var result = await request.SendAsync(new UploadKeys(
            request.CommandContext(), requester.UserId, requester.DeviceId, deviceKeys, oneTime, fallback));
        return result.ToResponse(static supply => new MatrixResponse.Json(json => Write(json, supply)));
    }

    private static bool TryGet(JsonElement body, ReadOnlySpan<byte> name, out JsonElement value) =>
        body.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    private static void Write(Utf8JsonWriter json, KeySupply supply)
    {
        json.WriteStartObject();
        json.WriteStartObject("one_time_key_counts"u8);
        foreach (var (algorithm, count) in supply.Counts)
            json.WriteNumber(algorithm, count);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
