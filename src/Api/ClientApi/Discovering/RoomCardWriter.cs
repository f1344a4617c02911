using System.Text.Json;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>Writes the members of a room's card, into an object that the caller opens and closes.</summary>
internal static class RoomCardWriter
{
    public static void WriteMembers(Utf8JsonWriter writer, RoomCard card)
    {
        writer.WriteString("room_id"u8, card.RoomId);
        writer.WriteNumber("num_joined_members"u8, card.JoinedMembers);
        writer.WriteBoolean("world_readable"u8, card.IsWorldReadable);
        writer.WriteBoolean("guest_can_join"u8, card.GuestCanJoin);
        writer.WriteString("join_rule"u8, card.JoinRule);
        WriteText(writer, "name"u8, card.Name);
        WriteText(writer, "topic"u8, card.Topic);
        WriteText(writer, "canonical_alias"u8, card.CanonicalAlias);
        WriteText(writer, "avatar_url"u8, card.AvatarUrl);
        WriteText(writer, "room_type"u8, card.RoomType);
        WriteText(writer, "room_version"u8, card.RoomVersion);
        WriteText(writer, "encryption"u8, card.Encryption);
        if (card.AllowedRoomIds.Count == 0)
            return;
        writer.WriteStartArray("allowed_room_ids"u8);
        foreach (var roomId in card.AllowedRoomIds)
            writer.WriteStringValue(roomId);
        writer.WriteEndArray();
    }

    public static void WriteChildren(Utf8JsonWriter writer, IEnumerable<SpaceChild> children)
    {
        writer.WriteStartArray("children_state"u8);
        foreach (var child in children)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "m.space.child"u8);
            writer.WriteString("state_key"u8, child.RoomId);
            writer.WriteString("sender"u8, child.Sender);
            writer.WriteNumber("origin_server_ts"u8, child.OriginServerTs);
            writer.WritePropertyName("content"u8);
            writer.WriteRawValue(child.ContentUtf8.Span, skipInputValidation: true);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
            writer.WriteString(name, value);
    }
}
