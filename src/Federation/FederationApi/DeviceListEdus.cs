using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Federation.KeyServer;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary><c>m.device_list_update</c> of another server.</summary>
/// <remarks>Spec: v1.19 server-server-api #device-management; appendices #historical-user-ids. Of users who share no
/// room with ours nothing is kept: whoever asks about them is answered by their server. Nor of those whose ids clients
/// are not to be shown.</remarks>
public sealed class DeviceListEdu(RemoteDeviceBook book, RemoteDeviceLists lists, RoomAccess access) : IInboundEdu
{
    public string Type => "m.device_list_update";

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content)
    {
        if (!UserId.TryParse(ReceivedJson.Text(content, "user_id"), out var user)
            || !user.IsOn(origin) || !user.IsCompliant
            || ReceivedJson.Text(content, "device_id") is not { } deviceId || !ToDeviceRules.IsIdentifier(deviceId)
            || RemoteKeyReading.StreamId(content, "stream_id") is not { } streamId
            || ReadPrevIds(content) is not { } prevIds)
            return;
        var isDeleted = content.TryGetProperty("deleted"u8, out var deleted)
            && deleted.ValueKind == JsonValueKind.True;
        var keys = RemoteKeyReading.Keys(content, "keys", user, deviceId);
        // What is malformed is missed, and so the next update finds a gap.
        if (keys is null && content.TryGetProperty("keys"u8, out var given)
            && given.ValueKind != JsonValueKind.Null && !isDeleted)
            return;
        if (!await access.IsSeenAsync(user, CancellationToken.None))
            return;
        var update = new DeviceListUpdate(
            new RemoteDeviceUpdated(
                user,
                streamId,
                deviceId,
                isDeleted ? null : RemoteKeyReading.DisplayName(content, "device_display_name"),
                isDeleted ? null : keys,
                isDeleted),
            prevIds);
        if (await book.ApplyAsync(update, context))
            lists.Due(user);
    }

    private static ImmutableArray<long>? ReadPrevIds(JsonElement content)
    {
        if (!content.TryGetProperty("prev_id"u8, out var list) || list.ValueKind == JsonValueKind.Null)
            return [];
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > Limits.DeviceListUpdatesRememberedMax)
            return null;
        var ids = ImmutableArray.CreateBuilder<long>(list.GetArrayLength());
        foreach (var id in list.EnumerateArray())
        {
            if (id.ValueKind != JsonValueKind.Number || !id.TryGetInt64(out var value))
                return null;
            ids.Add(value);
        }
        return ids.ToImmutable();
    }
}

/// <summary><c>m.signing_key_update</c> of another server.</summary>
/// <remarks>Spec: v1.19 server-server-api #end-to-end-encryption. Keys are for clients to trust or not; here they need
/// to be well-formed and the user's.</remarks>
public sealed class SigningKeyEdu(RemoteDeviceBook book, RemoteDeviceLists lists, RoomAccess access) : IInboundEdu
{
    public string Type => "m.signing_key_update";

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content)
    {
        if (!UserId.TryParse(ReceivedJson.Text(content, "user_id"), out var user)
            || !user.IsOn(origin) || !user.IsCompliant)
            return;
        var master = RemoteKeyReading.SigningKey(content, "master_key", user, "master"u8);
        var selfSigning = RemoteKeyReading.SigningKey(content, "self_signing_key", user, "self_signing"u8);
        if ((master is null && selfSigning is null) || !await access.IsSeenAsync(user, CancellationToken.None))
            return;
        if (await book.ApplyAsync(new RemoteSigningKeysUpdated(user, master, selfSigning), context))
            lists.Due(user);
    }
}
