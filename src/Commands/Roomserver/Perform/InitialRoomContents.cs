using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>The contents of a new room's first events.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3createroom; rooms/v12 for creators.</remarks>
internal static class InitialRoomContents
{
    private const string AdditionalCreators = "additional_creators";

    /// <summary>What is wrong with the objects that the client gave, or null.</summary>
    public static string? FindProblem(CreateRoom command, FoundingFacts facts)
    {
        if (command.PowerLevelContentOverride.ValueKind == JsonValueKind.Object
            && PowerLevelsShape.FindProblem(command.PowerLevelContentOverride) is { } badLevels)
            return badLevels;
        if (!facts.Rules.CreatorsHaveInfinitePower || !TryGetAdditionalCreators(command, out var given))
            return null;
        return given.ValueKind == JsonValueKind.Array
            && given.EnumerateArray().All(user => user.ValueKind == JsonValueKind.String
                && UserId.TryParse(user.GetString(), out _))
                ? null
                : "'additional_creators' must be an array of user ids.";
    }

    /// <summary>The create event: what the client gave, with the members that are ours overwritten.</summary>
    public static JsonElement Create(CreateRoom command, FoundingFacts facts)
    {
        var given = command.CreationContent.ValueKind == JsonValueKind.Object
            ? command.CreationContent
            : JsonContent.Empty;
        var changes = new List<KeyValuePair<string, JsonElement>>
        {
            new("creator", facts.Rules.CreatorIsSender ? default : JsonContent.String(command.Creator.Value)),
            new("room_version", JsonContent.String(facts.Rules.Version)),
        };
        if (facts.Rules.CreatorsHaveInfinitePower && FindCreators(command) is { Count: > 0 } creators)
            changes.Add(new(AdditionalCreators, Array(creators)));
        return JsonContent.With(given, changes);
    }

    /// <summary>The default power levels with the client's members on top.</summary>
    public static JsonElement PowerLevels(CreateRoom command, FoundingFacts facts)
    {
        var defaults = JsonContent.Build(json =>
        {
            json.WriteStartObject("users"u8);
            if (!facts.Rules.CreatorsHaveInfinitePower)
                WriteUsers(json, command);
            json.WriteEndObject();
            json.WriteNumber("users_default"u8, 0);
            WriteEventLevels(json, facts.Rules.CreatorsHaveInfinitePower ? 150 : 100);
            json.WriteNumber("events_default"u8, 0);
            json.WriteNumber("state_default"u8, 50);
            json.WriteNumber("ban"u8, 50);
            json.WriteNumber("kick"u8, 50);
            json.WriteNumber("redact"u8, 50);
            json.WriteNumber("invite"u8, command.Preset == RoomPreset.PublicChat ? 50 : 0);
            json.WriteNumber("historical"u8, 100);
        });
        return command.PowerLevelContentOverride.ValueKind == JsonValueKind.Object
            ? JsonContent.With(defaults, [.. command.PowerLevelContentOverride.EnumerateObject().Select(
                member => new KeyValuePair<string, JsonElement>(member.Name, member.Value))])
            : defaults;
    }

    /// <summary>A topic in both of its forms. Spec: v1.19 client-server-api #mroomtopic.</summary>
    public static JsonElement Topic(string topic) => JsonContent.Build(json =>
    {
        json.WriteStartObject("m.topic"u8);
        json.WriteStartArray("m.text"u8);
        json.WriteStartObject();
        json.WriteString("body"u8, topic);
        json.WriteString("mimetype"u8, "text/plain"u8);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteString("topic"u8, topic);
    });

    /// <summary>In a trusted private chat the invited have what the creator has, those of other servers too, who are
    /// invited only once the room is there.</summary>
    private static void WriteUsers(Utf8JsonWriter json, CreateRoom command)
    {
        json.WriteNumber(command.Creator.Value, 100);
        if (command.Preset != RoomPreset.TrustedPrivateChat)
            return;
        foreach (var userId in command.Invite.Distinct(StringComparer.Ordinal))
        {
            if (userId != command.Creator.Value)
                json.WriteNumber(userId, 100);
        }
    }

    private static void WriteEventLevels(Utf8JsonWriter json, int tombstone)
    {
        json.WriteStartObject("events"u8);
        json.WriteNumber(EventTypes.Name, 50);
        json.WriteNumber(EventTypes.PowerLevels, 100);
        json.WriteNumber(EventTypes.HistoryVisibility, 100);
        json.WriteNumber(EventTypes.CanonicalAlias, 50);
        json.WriteNumber(EventTypes.Avatar, 50);
        json.WriteNumber(EventTypes.Tombstone, tombstone);
        json.WriteNumber(EventTypes.ServerAcl, 100);
        json.WriteNumber(EventTypes.Encryption, 100);
        json.WriteEndObject();
    }

    private static List<string> FindCreators(CreateRoom command)
    {
        var creators = new List<string>();
        if (TryGetAdditionalCreators(command, out var given))
            creators.AddRange(given.EnumerateArray().Select(user => user.GetString()!));
        if (command.Preset == RoomPreset.TrustedPrivateChat)
            creators.AddRange(command.Invite);
        return [.. creators.Distinct(StringComparer.Ordinal).Where(user => user != command.Creator.Value)];
    }

    private static bool TryGetAdditionalCreators(CreateRoom command, out JsonElement given)
    {
        given = default;
        return command.CreationContent.ValueKind == JsonValueKind.Object
            && command.CreationContent.TryGetProperty(AdditionalCreators, out given);
    }

    private static JsonElement Array(IReadOnlyList<string> values) => JsonContent.Build(json =>
    {
        json.WriteStartArray("values"u8);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }).GetProperty("values"u8);
}
