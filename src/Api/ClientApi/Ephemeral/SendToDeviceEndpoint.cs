using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>Sends messages to devices of users, here and elsewhere.</summary>
internal static class SendToDeviceEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/sendToDevice/{eventType}/{txnId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var type = request.Path("eventType");
        if (!request.TryGetTransaction($"sendToDevice/{type}", out var transaction, out var noTransaction))
            return noTransaction;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (ReadRecipients(body, out var recipients) is { } wrong)
            return wrong;
        return (await request.SendAsync(
            new SendToDevice(request.CommandContext(), transaction, type, recipients))).ToEmpty();
    }

    private static MatrixError? ReadRecipients(JsonElement body, out List<ToDeviceRecipient> recipients)
    {
        recipients = [];
        if (!body.TryGetProperty("messages"u8, out var users))
            return MatrixError.MissingParam("messages is missing.");
        if (users.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("messages must be an object.");
        // It may go to other servers, in transactions that are signed.
        if (CanonicalJson.FindViolation(users) is { } violation)
            return MatrixError.BadJson($"messages cannot be sent on: {violation}");
        foreach (var user in users.EnumerateObject())
        {
            if (!UserId.TryParse(user.Name, out var userId))
                return MatrixError.InvalidParam("messages holds what is no user id.");
            if (user.Value.ValueKind != JsonValueKind.Object)
                return MatrixError.BadJson("messages must hold an object for each user.");
            var messages = new List<DeviceMessage>();
            foreach (var device in user.Value.EnumerateObject())
            {
                if (device.Value.ValueKind != JsonValueKind.Object)
                    return MatrixError.BadJson("A message must be an object.");
                // A copy: the body's buffer is used again.
                var content = JsonMarshal.GetRawUtf8Value(device.Value).ToArray();
                messages.Add(new(device.Name, new RawJson(content)));
            }
            recipients.Add(new(userId, messages));
        }
        return null;
    }
}
