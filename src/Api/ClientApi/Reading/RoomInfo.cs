using System.Text.Json;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>A room in one piece: its newest messages, its state, and what the reader keeps beside it.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #get_matrixclientv3roomsroomidinitialsync (RoomInfo). Shape: Messages oldest first;
/// Start and End are where to go on. Membership null: one that the answer has no word for.
/// </remarks>
internal sealed record RoomInfo(string RoomId, Membership? Membership)
{
    public IReadOnlyList<StoredEvent> Messages { get; init; } = [];
    public TimelinePlace Start { get; init; }
    public TimelinePlace End { get; init; }
    public IReadOnlyList<StoredEvent> State { get; init; } = [];
    public bool IsPublic { get; init; }
    public IReadOnlyList<AccountDataEntry> AccountData { get; init; } = [];
    public RoomHistory? History { get; init; }

    /// <summary>The member event of an invite: then nothing else of the room is known.</summary>
    public StoredEvent? Invite { get; init; }

    public void Write(Utf8JsonWriter writer, EventAudience audience)
    {
        writer.WriteStartObject();
        writer.WriteString("room_id"u8, RoomId);
        if (Membership is { } membership)
            writer.WriteString("membership"u8, Memberships.Word(membership));
        if (Invite is not null)
        {
            writer.WritePropertyName("invite"u8);
            EventWriter.Write(writer, Invite, audience, History, withRoomId: true);
            writer.WriteEndObject();
            return;
        }
        writer.WriteStartObject("messages"u8);
        writer.WriteString("start"u8, SyncTokens.Write(Start));
        writer.WriteString("end"u8, SyncTokens.Write(End));
        writer.WritePropertyName("chunk"u8);
        EventWriter.WriteArray(writer, Messages, audience, History, withRoomId: true);
        writer.WriteEndObject();
        writer.WritePropertyName("state"u8);
        EventWriter.WriteArray(writer, State, audience, History, withRoomId: true);
        writer.WriteString("visibility"u8, IsPublic ? "public"u8 : "private"u8);
        writer.WritePropertyName("account_data"u8);
        WriteAccountData(writer, AccountData);
        writer.WriteEndObject();
    }

    public static void WriteAccountData(Utf8JsonWriter writer, IReadOnlyList<AccountDataEntry> entries)
    {
        writer.WriteStartArray();
        foreach (var entry in entries)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, entry.Type);
            writer.WritePropertyName("content"u8);
            writer.WriteRawValue(entry.ContentUtf8.Span, skipInputValidation: true);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
