using System.Text.Json;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Search;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>A page of a search, ready to be written.</summary>
internal sealed record SearchAnswer(EventAudience Audience, long Count)
{
    public required IReadOnlyCollection<string> Highlights { get; init; }
    public required IReadOnlyList<SearchResult> Results { get; init; }
    public required IReadOnlyList<SearchGrouping> Groupings { get; init; }
    public string? NextBatch { get; init; }

    /// <summary>The state of each room of the results; null where it was not asked for.</summary>
    public IReadOnlyDictionary<string, (RoomHistory History, IReadOnlyList<StoredEvent> State)>? Rooms { get; init; }

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("search_categories"u8);
        writer.WriteStartObject("room_events"u8);
        writer.WriteNumber("count"u8, Count);
        writer.WriteStartArray("highlights"u8);
        foreach (var word in Highlights)
            writer.WriteStringValue(word);
        writer.WriteEndArray();
        writer.WriteStartArray("results"u8);
        foreach (var result in Results)
            WriteResult(writer, result);
        writer.WriteEndArray();
        if (Rooms is not null)
            WriteState(writer);
        if (Groupings.Count > 0)
            WriteGroups(writer);
        if (NextBatch is not null)
            writer.WriteString("next_batch"u8, NextBatch);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteResult(Utf8JsonWriter writer, SearchResult result)
    {
        writer.WriteStartObject();
        writer.WriteNumber("rank"u8, result.Hit.Relevance);
        writer.WritePropertyName("result"u8);
        EventWriter.Write(writer, result.Event, Audience, result.History, withRoomId: true);
        if (result.Surroundings is { } around)
            WriteContext(writer, around, result.History);
        writer.WriteEndObject();
    }

    private void WriteContext(Utf8JsonWriter writer, SearchSurroundings around, RoomHistory history)
    {
        writer.WriteStartObject("context"u8);
        writer.WriteString("start"u8, SyncTokens.Write(around.Start));
        writer.WriteString("end"u8, SyncTokens.Write(around.End));
        writer.WritePropertyName("events_before"u8);
        EventWriter.WriteArray(writer, around.Before, Audience, history, withRoomId: true);
        writer.WritePropertyName("events_after"u8);
        EventWriter.WriteArray(writer, around.After, Audience, history, withRoomId: true);
        if (around.Senders is not null)
        {
            writer.WriteStartObject("profile_info"u8);
            foreach (var sender in around.Senders)
                WriteProfile(writer, sender);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    private static void WriteProfile(Utf8JsonWriter writer, StoredEvent member)
    {
        writer.WriteStartObject(member.StateKey!);
        if (member.Pdu.FindContentString("displayname"u8) is { } displayName)
            writer.WriteString("displayname"u8, displayName);
        if (member.Pdu.FindContentString("avatar_url"u8) is { } avatarUrl)
            writer.WriteString("avatar_url"u8, avatarUrl);
        writer.WriteEndObject();
    }

    private void WriteState(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("state"u8);
        foreach (var (roomId, room) in Rooms!)
        {
            writer.WritePropertyName(roomId);
            EventWriter.WriteArray(writer, room.State, Audience, room.History, withRoomId: true);
        }
        writer.WriteEndObject();
    }

    private void WriteGroups(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("groups"u8);
        foreach (var grouping in Groupings)
        {
            writer.WriteStartObject(grouping.IsBySender ? "sender"u8 : "room_id"u8);
            for (var order = 0; order < grouping.Groups.Count; order++)
            {
                var group = grouping.Groups[order];
                writer.WriteStartObject(group.Value);
                writer.WriteStartArray("results"u8);
                foreach (var eventId in group.EventIds)
                    writer.WriteStringValue(eventId);
                writer.WriteEndArray();
                writer.WriteNumber("order"u8, order + 1);
                if (group.NextBatch is not null)
                    writer.WriteString("next_batch"u8, group.NextBatch);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }
}

/// <summary>An event that was found, and what stands around it where that was asked for.</summary>
internal sealed record SearchResult(
    SearchHit Hit, StoredEvent Event, RoomHistory History, SearchSurroundings? Surroundings);

/// <summary>Start and End are where to go on. Senders: the member events of all who are shown, null where
/// not asked for.</summary>
internal sealed record SearchSurroundings(
    List<StoredEvent> Before,
    List<StoredEvent> After,
    TimelinePlace Start,
    TimelinePlace End,
    IReadOnlyList<StoredEvent>? Senders);

/// <summary>The results by room or by sender, in the order in which the groups come up.</summary>
internal sealed record SearchGrouping(bool IsBySender, IReadOnlyList<SearchGroupResults> Groups);

internal sealed record SearchGroupResults(string Value, IReadOnlyList<string> EventIds, string? NextBatch);
