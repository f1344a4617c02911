using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers invite our users.</summary>
internal static class Invite
{
    public static readonly EndpointSpec Spec = new(
        "PUT", "/_matrix/federation/v2/invite/{roomId}/{eventId}", AuthKind.Server, RateClass.None,
        "server-server-api#put_matrixfederationv2inviteroomideventid")
    {
        NulAllowed = true,
    };

    public static readonly EndpointSpec OldSpec = new(
        "PUT", "/_matrix/federation/v1/invite/{roomId}/{eventId}", AuthKind.Server, RateClass.None,
        "server-server-api#put_matrixfederationv1inviteroomideventid")
    {
        NulAllowed = true,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, HandleAsync);
        table.Add(OldSpec, HandleOldAsync);
    }

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty("event"u8, out var invite) || invite.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("'event' must be an object.");
        if (!body.TryGetProperty("room_version"u8, out var version) || version.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson("'room_version' must be a string.");
        body.TryGetProperty("invite_room_state"u8, out var state);
        return await TakeAsync(
            request,
            version.GetString()!,
            JsonMarshal.GetRawUtf8Value(invite).ToArray(),
            state,
            static (json, pdu) =>
            {
                json.WriteStartObject();
                json.WritePropertyName("event"u8);
                json.WriteRawValue(pdu.Span, skipInputValidation: true);
                json.WriteEndObject();
            });
    }

    /// <summary>The first version: the event itself, its state in <c>unsigned</c>; room versions 1 and 2.</summary>
    private static async ValueTask<MatrixResponse> HandleOldAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        var state = default(JsonElement);
        if (body.TryGetProperty("unsigned"u8, out var unsigned) && unsigned.ValueKind == JsonValueKind.Object)
            unsigned.TryGetProperty("invite_room_state"u8, out state);
        // Versions 1 and 2 have the same form.
        return await TakeAsync(request, "1", request.SignedBody, state, static (json, pdu) =>
        {
            json.WriteStartArray();
            json.WriteNumberValue(200);
            json.WriteStartObject();
            json.WritePropertyName("event"u8);
            json.WriteRawValue(pdu.Span, skipInputValidation: true);
            json.WriteEndObject();
            json.WriteEndArray();
        });
    }

    private static async ValueTask<MatrixResponse> TakeAsync(
        MatrixRequest request,
        string roomVersion,
        ReadOnlyMemory<byte> invite,
        JsonElement state,
        Action<Utf8JsonWriter, ReadOnlyMemory<byte>> write)
    {
        if (!request.TryGetRoomId(out var roomId, out var error)
            || !request.TryGetEventId(request.Path("eventId"), out var eventId, out error))
            return error;
        var (signed, refusal) = await request.Get<InvitesOfOthers>().TakeAsync(
            request.CommandContext(),
            request.Origin,
            roomId,
            eventId,
            roomVersion,
            invite,
            state,
            CancellationToken.None);
        return signed is null ? refusal! : new MatrixResponse.Json(json => write(json, signed.Json));
    }
}
