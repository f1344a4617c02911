using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

/// <summary>What a redaction leaves, as the tables of the room version pages say it (#redactions).</summary>
public sealed class Redacting
{
    private const string TopLevelOfV1 =
        "auth_events content depth event_id hashes membership origin origin_server_ts prev_events prev_state room_id "
        + "sender signatures state_key type";

    private const string TopLevelOfV11 =
        "auth_events content depth event_id hashes origin_server_ts prev_events room_id sender signatures state_key "
        + "type";

    private const string LevelsOfV1 = "ban events events_default kick redact state_default users users_default";

    private const string LevelsOfV11 =
        "ban events events_default invite kick redact state_default users users_default";

    /// <summary>Every key that any version protects anywhere, and some that none does.</summary>
    private static readonly string[] AllKeys =
        $"{TopLevelOfV1} {LevelsOfV11} aliases allow body creator displayname history_visibility invite "
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["join_authorised_via_users_server", "join_rule", "notifications", "redacts", "reason", "unsigned"])
            .Distinct().ToArray();

    /// <summary>First and last version, event type, the keys of the content that stay ("*": all).</summary>
    public static TheoryData<int, int, string, string> Contents => new()
    {
        { 1, 8, "m.room.member", "membership" },
        { 9, 12, "m.room.member", "join_authorised_via_users_server membership" },
        { 1, 10, "m.room.create", "creator" },
        { 11, 12, "m.room.create", "*" },
        { 1, 7, "m.room.join_rules", "join_rule" },
        { 8, 12, "m.room.join_rules", "allow join_rule" },
        { 1, 10, "m.room.power_levels", LevelsOfV1 },
        { 11, 12, "m.room.power_levels", LevelsOfV11 },
        { 1, 5, "m.room.aliases", "aliases" },
        { 6, 12, "m.room.aliases", "" },
        { 1, 12, "m.room.history_visibility", "history_visibility" },
        { 1, 10, "m.room.redaction", "" },
        { 11, 12, "m.room.redaction", "redacts" },
        { 1, 12, "m.room.message", "" },
        { 1, 12, "m.room.third_party_invite", "" },
        { 1, 12, "M.room.member", "" },
    };

    [Theory]
    [MemberData(nameof(Contents))]
    public void keeps_of_the_content(int first, int last, string type, string keys)
    {
        for (var version = first; version <= last; version++)
        {
            var content = JsonElement.Parse(Redacted(type, version)).GetProperty("content");
            Assert.Equal(keys == "*" ? string.Join(' ', Sorted(AllKeys)) : keys, KeysOf(content));
        }
    }

    [Theory]
    [InlineData(1, 10, TopLevelOfV1)]
    [InlineData(11, 12, TopLevelOfV11)]
    public void keeps_at_the_top_level(int first, int last, string keys)
    {
        for (var version = first; version <= last; version++)
            Assert.Equal(keys, KeysOf(JsonElement.Parse(Redacted("m.x", version))));
    }

    [Theory]
    [InlineData("""{"signed":{"a":1},"display_name":"x"}""", """{"signed":{"a":1}}""")]
    [InlineData("""{"display_name":"x"}""", "{}")]
    [InlineData("""{}""", "{}")]
    [InlineData("\"signed\"", null)]
    [InlineData("""["signed"]""", null)]
    public void keeps_of_a_third_party_invite_what_is_signed_from_version_11(string invite, string? kept)
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var json = Canonical($$"""{"type":"m.room.member","content":{"third_party_invite":{{invite}}} }""");
            var content = JsonElement.Parse(Redaction.Redact(json, "m.room.member", rules)).GetProperty("content");
            var isKept = rules.Redaction.KeepsSignedInvite && kept is not null;
            Assert.Equal(isKept ? "third_party_invite" : string.Empty, KeysOf(content));
            if (isKept)
                Assert.Equal(kept, content.GetProperty("third_party_invite").GetRawText());
        }
    }

    [Fact]
    public void twice_is_as_once_and_canonical()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            foreach (var type in Contents.Select(row => (string)row.ToArray()[2]!))
            {
                var once = Redaction.Redact(Pdu(type), type, rules);
                Assert.Equal(once, Redaction.Redact(once, type, rules));
                Assert.Equal(once, CanonicalJson.Canonicalise(once));
            }
        }
    }

    private static byte[] Redacted(string type, int version)
    {
        var rules = RoomVersionRules.Find(version.ToString(System.Globalization.CultureInfo.InvariantCulture))!;
        return Redaction.Redact(Pdu(type), type, rules);
    }

    /// <summary>Has every key at the top level and in the content.</summary>
    private static byte[] Pdu(string type)
    {
        var content = AllKeys.ToDictionary(key => key, _ => JsonElement.Parse("1"));
        var members = AllKeys.ToDictionary(key => key, _ => JsonElement.Parse("1"));
        members["content"] = JsonElement.Parse(JsonSerializer.Serialize(content));
        members["type"] = JsonElement.Parse(JsonSerializer.Serialize(type));
        return CanonicalJson.Canonicalise(JsonSerializer.SerializeToUtf8Bytes(members));
    }

    private static byte[] Canonical(string json) => CanonicalJson.Canonicalise(Encoding.UTF8.GetBytes(json));

    private static string KeysOf(JsonElement json) =>
        string.Join(' ', json.EnumerateObject().Select(member => member.Name));

    private static IEnumerable<string> Sorted(IEnumerable<string> keys) => keys.Order(StringComparer.Ordinal);
}
