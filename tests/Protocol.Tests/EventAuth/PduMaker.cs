using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>Makes PDUs without hashes and signatures: what authorisation and state resolution read, under ids made of
/// names.</summary>
internal static class PduMaker
{
    public const string Domain = "one.example";

    public sealed record Spec(string Name, string Type, string? StateKey, string Sender, string Content)
    {
        public IReadOnlyList<EventId> PrevEvents { get; init; } = [];
        public IReadOnlyList<EventId> AuthEvents { get; init; } = [];
        public long OriginServerTs { get; init; } = 1_000;
        public long Depth { get; init; } = 10;
        public RoomId? RoomId { get; init; }
        public EventId? Redacts { get; init; }
        public string Signatures { get; init; } = "{}";
    }

    /// <summary>An id of the version's form that depends on the name only.</summary>
    public static EventId IdOf(string name, RoomVersionRules rules, string domain = Domain) => EventId.Parse(
        rules.EventIdIsHash ? "$" + Hash(name, rules.EventIdFormat == EventIdFormat.HashBase64Url)
            : $"${name}:{domain}");

    public static RoomId RoomIdOf(EventId create, RoomVersionRules rules) => RoomId.Parse(
        rules.RoomIdIsCreateHash ? string.Concat("!", create.Value.AsSpan(1)) : "!room:" + Domain);

    public static Pdu Make(Spec spec, RoomVersionRules rules, EventId? eventId = null)
    {
        var id = eventId ?? IdOf(spec.Name, rules);
        var json = new JsonObject
        {
            ["auth_events"] = References(spec.AuthEvents, rules),
            ["content"] = JsonNode.Parse(spec.Content),
            ["depth"] = spec.Depth,
            ["origin_server_ts"] = spec.OriginServerTs,
            ["prev_events"] = References(spec.PrevEvents, rules),
            ["sender"] = spec.Sender,
            ["signatures"] = JsonNode.Parse(spec.Signatures),
            ["type"] = spec.Type,
        };
        if (spec.RoomId is { } roomId)
            json["room_id"] = roomId.Value;
        if (spec.StateKey is not null)
            json["state_key"] = spec.StateKey;
        if (spec.Redacts is { } redacts)
            json["redacts"] = redacts.Value;
        if (!rules.EventIdIsHash)
            json["event_id"] = id.Value;
        return PduParser.ParseStored(Encoding.UTF8.GetBytes(json.ToJsonString()), rules, id);
    }

    private static JsonArray References(IReadOnlyList<EventId> eventIds, RoomVersionRules rules)
    {
        var array = new JsonArray();
        foreach (var eventId in eventIds)
            array.Add(rules.ReferencesArePairs ? new JsonArray(eventId.Value, new JsonObject())
                : JsonValue.Create(eventId.Value));
        return array;
    }

    private static string Hash(string name, bool isUrlSafe)
    {
        var text = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(name))).TrimEnd('=');
        return isUrlSafe ? text.Replace('+', '-').Replace('/', '_') : text;
    }

    public static string Quote(long number) => number.ToString(CultureInfo.InvariantCulture);
}
