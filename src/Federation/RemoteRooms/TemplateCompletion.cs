using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <summary>Makes a member event of another server's template.</summary>
/// <remarks>Spec: v1.19 server-server-api #joining-rooms: the type, sender, state_key, room and membership must be
/// those that were asked for. Of the content only the member who vouches for a restricted join is taken.</remarks>
internal static class TemplateCompletion
{
    public static PduBuildResult Complete(
        JsonElement template,
        RoomVersionRules rules,
        RemoteMembership request,
        string membership,
        long nowMs,
        ServerIdentity identity)
    {
        if (ReceivedJson.Text(template, "type") != EventTypes.Member
            || ReceivedJson.Text(template, "sender") != request.UserId.Value
            || ReceivedJson.Text(template, "state_key") != request.UserId.Value
            || ReceivedJson.Text(template, "room_id") != request.RoomId.Value
            || !template.TryGetProperty("content"u8, out var content) || content.ValueKind != JsonValueKind.Object
            || ReceivedJson.Text(content, "membership") != membership)
            return Refuse("the template is not of what was asked for");
        if (References(template, "prev_events") is not { } prevEvents
            || References(template, "auth_events") is not { } authEvents
            || !template.TryGetProperty("depth"u8, out var depthValue)
            || depthValue.ValueKind != JsonValueKind.Number || !depthValue.TryGetInt64(out var depth))
            return Refuse("the template's references cannot be read");
        var voucher = membership == "join" ? ReceivedJson.Text(content, "join_authorised_via_users_server") : null;
        var draft = new PduDraft(
            request.RoomId,
            EventTypes.Member,
            request.UserId.Value,
            request.UserId,
            voucher is null ? request.Content : WithVoucher(request.Content, voucher),
            nowMs,
            depth,
            [.. prevEvents.Select(reference => reference.EventId)],
            [.. authEvents.Select(reference => reference.EventId)])
        {
            EventIdToReferenceHash = Hashes([.. prevEvents, .. authEvents]),
        };
        return PduBuilder.Build(draft, rules, identity);
    }

    private static Dictionary<EventId, ReadOnlyMemory<byte>> Hashes(
        List<(EventId EventId, ReadOnlyMemory<byte>? Hash)> references)
    {
        var hashes = new Dictionary<EventId, ReadOnlyMemory<byte>>();
        foreach (var (eventId, hash) in references)
        {
            if (hash is { } known)
                hashes[eventId] = known;
        }
        return hashes;
    }

    /// <summary>Ids, or in versions 1 and 2 pairs of id and hashes.</summary>
    private static List<(EventId EventId, ReadOnlyMemory<byte>? Hash)>? References(JsonElement template, string name)
    {
        if (!template.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array)
            return null;
        var references = new List<(EventId, ReadOnlyMemory<byte>?)>();
        foreach (var entry in list.EnumerateArray())
        {
            var isPair = entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2;
            var text = isPair ? entry[0] : entry;
            if (text.ValueKind != JsonValueKind.String || !EventId.TryParse(text.GetString(), out var eventId))
                return null;
            references.Add((eventId, isPair ? HashOf(entry[1]) : null));
        }
        return references;
    }

    private static ReadOnlyMemory<byte>? HashOf(JsonElement hashes)
    {
        var bytes = new byte[32];
        return hashes.ValueKind == JsonValueKind.Object && ReceivedJson.Text(hashes, "sha256") is { } text
            && Protocol.Json.UnpaddedBase64.TryDecodeExact(text, bytes)
                ? new ReadOnlyMemory<byte>(bytes)
                : default(ReadOnlyMemory<byte>?);
    }

    private static JsonElement WithVoucher(JsonElement content, string voucher)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var member in content.EnumerateObject())
                member.WriteTo(json);
            json.WriteString("join_authorised_via_users_server"u8, voucher);
            json.WriteEndObject();
        }
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static PduBuildResult.Refused Refuse(string reason) =>
        new(new MatrixError(502, ErrCodes.Unknown, reason));
}
