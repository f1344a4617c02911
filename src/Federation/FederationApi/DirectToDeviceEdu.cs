using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary><c>m.direct_to_device</c> of another server.</summary>
/// <remarks>Spec: v1.19 server-server-api #send-to-device-messaging. Users of other servers are passed over: nobody
/// relays.</remarks>
public sealed class DirectToDeviceEdu(IToDeviceForFederationApi toDevice, ServerIdentity us) : IInboundEdu
{
    public string Type => "m.direct_to_device";

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content)
    {
        if (!UserId.TryParse(ReceivedJson.Text(content, "sender"), out var sender)
            || ReceivedJson.Text(content, "type") is not { } type
            || ReceivedJson.Text(content, "message_id") is not { } messageId
            || !content.TryGetProperty("messages"u8, out var users)
            || users.ValueKind != JsonValueKind.Object)
            return;
        var recipients = new List<ToDeviceRecipient>();
        foreach (var user in users.EnumerateObject())
        {
            if (!UserId.TryParse(user.Name, out var userId) || !userId.IsOn(us.Name)
                || user.Value.ValueKind != JsonValueKind.Object)
                continue;
            var messages = new List<DeviceMessage>();
            foreach (var device in user.Value.EnumerateObject())
            {
                if (device.Value.ValueKind == JsonValueKind.Object)
                    messages.Add(new(
                        device.Name, new RawJson(JsonMarshal.GetRawUtf8Value(device.Value).ToArray())));
            }
            recipients.Add(new(userId, messages));
        }
        await toDevice.ReceiveAsync(origin, sender, type, messageId, recipients, context);
    }
}
