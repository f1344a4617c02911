using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Sync.Sliding;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.Sync.Sliding;

/// <summary>Writes an answer of sliding sync as JSON, straight from stored bytes.</summary>
/// <remarks>MSC4186, response body; what has not changed is left out.</remarks>
internal sealed class SlidingResponseWriter(
    SlidingRequest request, SlidingAnswer answer, string pos, EventAudience audience, bool isOlderForm)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("pos"u8, pos);
        writer.WriteStartObject("lists"u8);
        foreach (var (name, count) in answer.Lists)
        {
            writer.WriteStartObject(name);
            writer.WriteNumber("count"u8, count);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteStartObject("rooms"u8);
        foreach (var room in answer.Rooms)
            WriteRoom(writer, room);
        writer.WriteEndObject();
        writer.WriteStartObject("extensions"u8);
        new SlidingExtensionWriter(request, answer).Write(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteRoom(Utf8JsonWriter writer, SlidingRoom room)
    {
        writer.WriteStartObject(room.RoomId);
        if (room.BumpStamp is { } bump)
            writer.WriteNumber("bump_stamp"u8, bump);
        writer.WriteString("membership"u8, Memberships.Word(room.Membership));
        WriteLists(writer, room);
        if (room.IsInitial)
            writer.WriteBoolean("initial"u8, true);
        if (room.IsDirect is { } isDirect)
            writer.WriteBoolean("is_dm"u8, isDirect);
        if (room.Stripped is { } stripped)
        {
            writer.WriteStartArray(isOlderForm ? "invite_state"u8 : "stripped_state"u8);
            SyncResponseWriter.WriteStripped(writer, stripped);
            writer.WriteEndArray();
        }
        WriteChangeable(writer, "name"u8, room.Name, room.IsInitial);
        WriteChangeable(writer, "avatar"u8, room.AvatarUrl, room.IsInitial);
        if (room.Heroes is { } heroes)
            WriteHeroes(writer, heroes);
        if (room.Summary is { } summary)
        {
            writer.WriteNumber("joined_count"u8, summary.Joined);
            writer.WriteNumber("invited_count"u8, summary.Invited);
        }
        if (room.Unread is { } unread)
            WriteUnread(writer, unread);
        if (room.Timeline is { } timeline)
            WriteTimeline(writer, room, timeline);
        writer.WriteEndObject();
    }

    private static void WriteLists(Utf8JsonWriter writer, SlidingRoom room)
    {
        if (room.Lists.Count == 0)
            return;
        writer.WriteStartArray("lists"u8);
        foreach (var list in room.Lists)
            writer.WriteStringValue(list);
        writer.WriteEndArray();
    }

    /// <summary>Null where it went; left out where the client knows that there is none.</summary>
    private static void WriteChangeable(
        Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value, bool isInitial)
    {
        if (value is { Length: > 0 })
            writer.WriteString(name, value);
        else if (value is not null && !isInitial)
            writer.WriteNull(name);
    }

    private void WriteTimeline(Utf8JsonWriter writer, SlidingRoom room, List<StoredEvent> timeline)
    {
        if (room.RequiredState.Count > 0 || room.RemovedState.Count > 0 || room.IsInitial)
        {
            writer.WriteStartArray("required_state"u8);
            foreach (var stored in room.RequiredState)
                EventWriter.Write(writer, stored, audience, room.History, withRoomId: false);
            foreach (var (type, stateKey) in room.RemovedState)
            {
                writer.WriteStartObject();
                writer.WriteString("type"u8, type);
                writer.WriteString("state_key"u8, stateKey);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        writer.WritePropertyName("timeline"u8);
        EventWriter.WriteArray(writer, timeline, audience, room.History, withRoomId: false);
        writer.WriteString("prev_batch"u8, SyncTokens.Write(room.PrevBatch));
        writer.WriteBoolean("limited"u8, room.IsLimited);
        writer.WriteNumber("num_live"u8, room.LiveCount);
        if (room.IsTimelineExpanded)
            writer.WriteBoolean(isOlderForm ? "unstable_expanded_timeline"u8 : "expanded_timeline"u8, true);
    }

    private static void WriteHeroes(Utf8JsonWriter writer, List<StoredEvent> heroes)
    {
        writer.WriteStartArray("heroes"u8);
        foreach (var hero in heroes)
        {
            writer.WriteStartObject();
            writer.WriteString("user_id"u8, hero.StateKey);
            if (hero.Pdu.FindContentString("displayname"u8) is { } displayName)
                writer.WriteString("displayname"u8, displayName);
            if (hero.Pdu.FindContentString("avatar_url"u8) is { } avatarUrl)
                writer.WriteString("avatar_url"u8, avatarUrl);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteUnread(Utf8JsonWriter writer, IReadOnlyList<UnreadCount> unread)
    {
        writer.WriteNumber("notification_count"u8, unread.Sum(static count => count.Notifications));
        writer.WriteNumber("highlight_count"u8, unread.Sum(static count => count.Highlights));
    }
}

/// <summary>Writes the extensions that were asked for.</summary>
internal sealed class SlidingExtensionWriter(SlidingRequest request, SlidingAnswer answer)
{
    public void Write(Utf8JsonWriter writer)
    {
        if (request.Extensions.ToDeviceAfter is not null)
        {
            writer.WriteStartObject("to_device"u8);
            var upTo = answer.Device.ToDeviceUpTo ?? answer.Position;
            writer.WriteString("next_batch"u8, upTo.ToString(CultureInfo.InvariantCulture));
            SyncResponseWriter.WriteToDeviceEvents(writer, answer.Device.ToDevice);
            writer.WriteEndObject();
        }
        if (request.Extensions.IsEncryptionOn)
        {
            writer.WriteStartObject("e2ee"u8);
            DeviceListWriter.Write(writer, answer.Device.DeviceLists, answer.Device.KeySupply);
            writer.WriteEndObject();
        }
        if (answer.AccountData is { } accountData)
            WriteAccountData(writer, accountData);
        if (answer.Receipts is { } receipts)
        {
            WriteRooms(
                writer,
                "receipts"u8,
                receipts,
                static (json, room) => EphemeralWriter.WriteReceipts(json, OnePerUser(room)));
        }
        if (answer.Typing is { } typing)
        {
            WriteRooms(
                writer,
                "typing"u8,
                typing,
                static (json, room) => EphemeralWriter.WriteTyping(json, room.Typing ?? []));
        }
    }

    /// <summary>There is one event per room here: of a user's receipts in several threads on one event, the newest
    /// stands.</summary>
    private static IEnumerable<RoomReceipt> OnePerUser(SyncRoom room) => room.Receipts
        .GroupBy(static receipt => (receipt.EventId, receipt.Type, receipt.UserId))
        .Select(static group => group.Last());

    private static void WriteRooms(
        Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<SyncRoom> rooms, Action<Utf8JsonWriter, SyncRoom> write)
    {
        writer.WriteStartObject(name);
        writer.WriteStartObject("rooms"u8);
        foreach (var room in rooms)
        {
            writer.WritePropertyName(room.RoomId);
            write(writer, room);
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteAccountData(Utf8JsonWriter writer, List<AccountDataEntry> entries)
    {
        writer.WriteStartObject("account_data"u8);
        writer.WriteStartArray("global"u8);
        foreach (var entry in entries)
        {
            if (entry.RoomId is null)
                SyncResponseWriter.WriteAccountData(writer, entry);
        }
        writer.WriteEndArray();
        writer.WriteStartObject("rooms"u8);
        var ofRooms = entries.Where(static entry => entry.RoomId is not null);
        foreach (var room in ofRooms.GroupBy(static entry => entry.RoomId!.Value))
        {
            writer.WriteStartArray(room.Key.Value);
            foreach (var entry in room)
                SyncResponseWriter.WriteAccountData(writer, entry);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
