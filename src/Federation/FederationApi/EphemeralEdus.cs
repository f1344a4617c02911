using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary><c>m.typing</c> of another server. Spec: v1.19 server-server-api #typing-notifications.</summary>
public sealed class TypingEdu(IEduServerForFederationApi eduServer, RoomAccess access) : IInboundEdu
{
    public string Type => "m.typing";

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content)
    {
        if (RoomId.TryParse(ReceivedJson.Text(content, "room_id"), out var roomId)
            && UserId.TryParse(ReceivedJson.Text(content, "user_id"), out var userId)
            && content.TryGetProperty("typing"u8, out var typing)
            && typing.ValueKind is JsonValueKind.True or JsonValueKind.False
            && await access.IsAllowedAsync(roomId, origin))
        {
            await eduServer.ReceiveTypingAsync(
                origin, roomId, userId, typing.ValueKind == JsonValueKind.True, context);
        }
    }
}

/// <summary><c>m.receipt</c> of another server. Spec: v1.19 server-server-api #receipts.</summary>
public sealed class ReceiptEdu(IEduServerForFederationApi eduServer, RoomAccess access) : IInboundEdu
{
    public string Type => "m.receipt";

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content)
    {
        foreach (var room in content.EnumerateObject())
        {
            if (!RoomId.TryParse(room.Name, out var roomId)
                || room.Value.ValueKind != JsonValueKind.Object
                || !room.Value.TryGetProperty("m.read"u8, out var users)
                || users.ValueKind != JsonValueKind.Object
                || !await access.IsAllowedAsync(roomId, origin))
                continue;
            foreach (var user in users.EnumerateObject())
                await TakeAsync(context, origin, roomId, user);
        }
    }

    private async ValueTask TakeAsync(
        CommandContext context, ServerName origin, RoomId roomId, JsonProperty receipt)
    {
        if (!UserId.TryParse(receipt.Name, out var userId)
            || receipt.Value.ValueKind != JsonValueKind.Object
            || !receipt.Value.TryGetProperty("event_ids"u8, out var eventIds)
            || eventIds.ValueKind != JsonValueKind.Array)
            return;
        var data = receipt.Value.TryGetProperty("data"u8, out var said) ? said : default;
        var threadId = ReceivedJson.Text(data, "thread_id");
        var ts = ReceivedJson.Number(data, "ts") is >= 0 and <= Limits.CanonicalIntegerMax and var given
            ? given
            : context.ReceivedAtMs;
        // Each replaces the one before it, so only the last one says something.
        EventId? last = null;
        foreach (var text in eventIds.EnumerateArray())
        {
            if (text.ValueKind == JsonValueKind.String && EventId.TryParse(text.GetString(), out var eventId))
                last = eventId;
        }
        if (last is { } read)
            await eduServer.ReceiveReceiptAsync(origin, roomId, userId, read, threadId, ts, context);
    }
}

/// <summary><c>m.presence</c> of another server. Spec: v1.19 server-server-api #presence.</summary>
/// <remarks>Of users who share no room with ours nothing is kept: nobody here would see it. Nor of those whose ids
/// clients are not to be shown (appendices #historical-user-ids).</remarks>
public sealed class PresenceEdu(IEduServerForFederationApi eduServer, RoomAccess access) : IInboundEdu
{
    public string Type => "m.presence";

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content)
    {
        if (!content.TryGetProperty("push"u8, out var updates) || updates.ValueKind != JsonValueKind.Array)
            return;
        foreach (var update in updates.EnumerateArray().Take(Limits.PresencesPerEduMax))
        {
            if (!UserId.TryParse(ReceivedJson.Text(update, "user_id"), out var userId)
                || StateOf(ReceivedJson.Text(update, "presence")) is not { } state
                || !userId.IsOn(origin)
                || !userId.IsCompliant
                || !await access.IsSeenAsync(userId, CancellationToken.None))
                continue;
            await eduServer.ReceivePresenceAsync(
                origin,
                userId,
                state,
                ReceivedJson.Text(update, "status_msg"),
                Math.Max(0, ReceivedJson.Number(update, "last_active_ago") ?? 0),
                update.TryGetProperty("currently_active"u8, out var active) && active.ValueKind == JsonValueKind.True,
                context);
        }
    }

    private static PresenceState? StateOf(string? text) => text switch
    {
        "online" => PresenceState.Online,
        "unavailable" => PresenceState.Unavailable,
        "offline" => PresenceState.Offline,
        _ => null,
    };
}
