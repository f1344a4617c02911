using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.Tests.Json;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Parsing_pdus
{
    private const string Hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    private static readonly ServerIdentity Identity = new(
        ServerName.Parse("domain"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), new byte[32]));

    /// <summary>First and last version that refuse; the member; its value as JSON, null to leave it out.</summary>
    public static TheoryData<int, int, string, string?> Refusals => new()
    {
        { 1, 12, "type", null },
        { 1, 12, "type", "1" },
        { 1, 12, "type", "\"a\\u0000\"" },
        { 1, 12, "sender", null },
        { 1, 12, "sender", "\"a:domain\"" },
        { 1, 12, "sender", "\"@a\"" },
        { 1, 12, "sender", "\"@a:do main\"" },
        { 1, 12, "room_id", null },
        { 1, 12, "room_id", "\"#x:domain\"" },
        { 1, 11, "room_id", "\"!" + Hash + "\"" },
        { 12, 12, "room_id", "\"!x:domain\"" },
        { 1, 12, "room_id", "\"!47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"" },
        { 1, 2, "event_id", null },
        { 1, 2, "event_id", "\"$" + Hash + "\"" },
        { 1, 12, "state_key", "null" },
        { 1, 12, "state_key", "7" },
        { 1, 12, "content", null },
        { 1, 12, "content", "[]" },
        { 1, 12, "content", "\"{}\"" },
        { 1, 12, "origin_server_ts", null },
        { 1, 12, "origin_server_ts", "\"1\"" },
        { 1, 12, "origin_server_ts", "1.5" },
        { 6, 12, "origin_server_ts", "9007199254740992" },
        { 1, 12, "depth", null },
        { 1, 12, "depth", "-1" },
        { 1, 12, "depth", "\"1\"" },
        { 1, 12, "depth", "9223372036854775808" },
        { 6, 12, "depth", "9007199254740992" },
        { 6, 12, "depth", "1e1" },
        { 6, 12, "x", "-0" },
        { 6, 12, "x", "[{\"y\":0.5}]" },
        { 1, 12, "x", "{\"y\":1,\"y\":1}" },
        { 1, 12, "x", "\"\\udc00\"" },
        { 1, 12, "prev_events", null },
        { 1, 12, "prev_events", "{}" },
        { 1, 12, "prev_events", "[7]" },
        { 1, 12, "prev_events", "[null]" },
        { 1, 12, "prev_events", "[[]]" },
        { 1, 12, "prev_events", "[[\"$a:domain\"]]" },
        { 1, 12, "prev_events", "[[\"$a:domain\",{},{}]]" },
        { 1, 12, "prev_events", "[[{},\"$a:domain\"]]" },
        { 1, 12, "prev_events", "[\"x\"]" },
        { 1, 2, "prev_events", "[\"$a:domain\"]" },
        { 3, 12, "prev_events", "[[\"$a:domain\",{}]]" },
        { 1, 12, "auth_events", null },
        { 1, 12, "auth_events", "\"$a:domain\"" },
        { 1, 2, "auth_events", "[\"$a:domain\"]" },
        { 3, 12, "auth_events", "[[\"$a:domain\",{}]]" },
        { 1, 12, "hashes", "[]" },
        { 1, 12, "signatures", "null" },
        { 1, 12, "unsigned", "7" },
    };

    public static TheoryData<string> Versions => [.. RoomVersionRules.All.Select(rules => rules.Version)];

    [Theory]
    [MemberData(nameof(Refusals))]
    public void refuses(int first, int last, string member, string? value)
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var version = int.Parse(rules.Version, System.Globalization.CultureInfo.InvariantCulture);
            var result = PduParser.Parse(With(rules, member, value), rules);
            if (version >= first && version <= last)
                Assert.Equal(ErrCodes.BadJson, Assert.IsType<PduParseResult.Refused>(result).Error.ErrCode);
            else
                Assert.IsType<PduParseResult.Parsed>(result);
        }
    }

    [Theory]
    [InlineData("", ErrCodes.NotJson)]
    [InlineData("{", ErrCodes.NotJson)]
    [InlineData("{\"a\":\"\u0001\"}", ErrCodes.NotJson)]
    [InlineData("[]", ErrCodes.BadJson)]
    [InlineData("7", ErrCodes.BadJson)]
    [InlineData("{}", ErrCodes.BadJson)]
    public void refuses_what_is_no_object(string json, string errCode)
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var refused = Assert.IsType<PduParseResult.Refused>(PduParser.Parse(Encoding.UTF8.GetBytes(json), rules));
            Assert.Equal(errCode, refused.Error.ErrCode);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void takes_the_largest_and_refuses_one_byte_more(string version)
    {
        var rules = RoomVersionRules.Find(version)!;
        var overhead = With(rules, "x", "\"\"").Length;
        var largest = With(rules, "x", '"' + new string('x', Limits.PduBytesMax - overhead) + '"');
        var tooLarge = With(rules, "x", '"' + new string('x', Limits.PduBytesMax - overhead + 1) + '"');

        // Blanks do not count: it is the canonical form that is measured.
        Assert.IsType<PduParseResult.Parsed>(PduParser.Parse((byte[])[.. largest, (byte)' '], rules));
        var refused = Assert.IsType<PduParseResult.Refused>(PduParser.Parse(tooLarge, rules));
        Assert.Equal(ErrCodes.TooLarge, refused.Error.ErrCode);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void holds_names_to_255_bytes(string version)
    {
        var rules = RoomVersionRules.Find(version)!;
        foreach (var member in new[] { "type", "state_key" })
        {
            var longest = new string('é', 127) + "a";
            Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(With(rules, member, $"\"{longest}\""), rules));
            Assert.IsType<PduParseResult.Refused>(PduParser.Parse(With(rules, member, $"\"{longest}b\""), rules));
        }
        var user = "@" + new string('a', 255 - "@:domain".Length) + ":domain";
        Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(With(rules, "sender", $"\"{user}\""), rules));
        Assert.IsType<PduParseResult.Refused>(
            PduParser.Parse(With(rules, "sender", $"\"{user.Replace(":", "a:", StringComparison.Ordinal)}\""), rules));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void limits_references_except_in_history(string version)
    {
        var rules = RoomVersionRules.Find(version)!;
        foreach (var (member, limit) in new[] { ("prev_events", 20), ("auth_events", 10) })
        {
            var most = With(rules, member, References(rules, limit));
            var tooMany = With(rules, member, References(rules, limit + 1));
            Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(most, rules));
            Assert.IsType<PduParseResult.Refused>(PduParser.Parse(tooMany, rules));
            Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(tooMany, rules, enforcesReferenceLimits: false));
        }
    }

    [Fact]
    public void keeps_the_numbers_of_old_rooms_verbatim()
    {
        foreach (var rules in RoomVersionRules.All.Where(rules => !rules.StrictCanonicalJson))
        {
            var json = With(rules, "content", """{"a":1.50,"b":123456789012345678901234567890,"c":1E+400}""");
            var pdu = Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(json, rules)).Pdu;
            Assert.Equal(
                """{"a":1.50,"b":123456789012345678901234567890,"c":1E+400}""",
                Encoding.UTF8.GetString(pdu.ContentUtf8.Span));
        }
    }

    [Fact]
    public void reads_the_redacted_id_from_where_the_version_keeps_it()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var json = JsonNode.Parse(With(rules, "type", "\"m.room.redaction\""))!.AsObject();
            json["redacts"] = "$top:domain";
            json["content"] = JsonNode.Parse("""{"redacts":"$content:domain"}""");
            var pdu = Parsed(json, rules);
            Assert.Equal(rules.RedactsInContent ? "$content:domain" : "$top:domain", pdu.Redacts?.Value);
            json["type"] = "m.other";
            Assert.Null(Parsed(json, rules).Redacts);
        }
    }

    [Fact]
    public void refuses_a_redaction_without_content()
    {
        // Found by the pdu fuzz target: from version 11 on the parser threw, as it looked for redacts in the content.
        foreach (var rules in RoomVersionRules.All)
        {
            var json = JsonNode.Parse(With(rules, "type", "\"m.room.redaction\""))!.AsObject();
            json.Remove("content");
            Assert.IsType<PduParseResult.Refused>(
                PduParser.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), rules));
        }
    }

    [Fact]
    public void takes_a_create_pdu_without_a_room_id_in_version_12_only()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var json = JsonNode.Parse(With(rules, "type", "\"m.room.create\""))!.AsObject();
            json.Remove("room_id");
            json["state_key"] = string.Empty;
            var result = PduParser.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), rules);
            if (rules.RoomIdIsCreateHash)
            {
                var pdu = Assert.IsType<PduParseResult.Parsed>(result).Pdu;
                Assert.Equal("!" + pdu.EventId.Value[1..], pdu.RoomId.Value);
                Assert.False(pdu.HasRoomId);
            }
            else
            {
                Assert.IsType<PduParseResult.Refused>(result);
            }
            json["state_key"] = "x";
            Assert.IsType<PduParseResult.Refused>(
                PduParser.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), rules));
        }
    }

    [Fact]
    public void gives_one_id_whatever_the_formatting_and_what_is_not_signed()
    {
        RandomJson.Object.Sample(content =>
        {
            foreach (var rules in RoomVersionRules.All.Where(rules => rules.EventIdIsHash))
            {
                var json = JsonNode.Parse(With(rules, "content", content!.ToJsonString()))!.AsObject();
                var pdu = Parsed(json, rules);
                json["unsigned"] = JsonNode.Parse("""{"age":1}""");
                json["signatures"] = JsonNode.Parse("""{"a":{}}""");
                var indented = json.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });
                var other = Assert.IsType<PduParseResult.Parsed>(
                    PduParser.Parse(Encoding.UTF8.GetBytes(indented), rules)).Pdu;
                Assert.Equal(pdu.EventId, other.EventId);
                Assert.True(rules.IsWellFormed(pdu.EventId));
            }
        });
    }

    [Fact]
    public void takes_everything_that_the_builder_makes()
    {
        RandomJson.Object.Sample(content =>
        {
            foreach (var rules in RoomVersionRules.All)
            {
                var draft = new PduDraft(
                    RoomId.Parse(rules.RoomIdIsCreateHash ? "!" + Hash : "!x:domain"),
                    "m.\"\\\n\u0001é😀",
                    "\t",
                    UserId.Parse("@\"\\é:domain"),
                    System.Text.Json.JsonElement.Parse(content!.ToJsonString()),
                    1_000_000,
                    3,
                    [EventId.Parse("$a:domain")],
                    []);
                var built = ((PduBuildResult.Built)PduBuilder.Build(draft, rules, Identity)).Pdu;
                var parsed = Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(built.Json, rules)).Pdu;
                Assert.Equal(built.EventId, parsed.EventId);
                Assert.Equal(built.Json.Span, parsed.Json.Span);
                Assert.Equal((draft.Type, draft.StateKey, draft.Sender), (parsed.Type, parsed.StateKey, parsed.Sender));
                Assert.Equal(draft.PrevEvents, parsed.PrevEvents);
                Assert.True(PduHashes.ContentHashHolds(parsed));
            }
        });
    }

    private static Pdu Parsed(JsonObject json, RoomVersionRules rules) => Assert.IsType<PduParseResult.Parsed>(
        PduParser.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), rules)).Pdu;

    private static string References(RoomVersionRules rules, int count) => "[" + string.Join(
        ',',
        Enumerable.Range(0, count).Select(i => rules.ReferencesArePairs ? $"[\"$a{i}:domain\",{{}}]" : $"\"$a{i}\""))
        + "]";

    /// <summary>A good PDU with one member replaced, or left out.</summary>
    private static byte[] With(RoomVersionRules rules, string name, string? value)
    {
        var members = new Dictionary<string, string>
        {
            ["type"] = "\"m.test\"",
            ["sender"] = "\"@a:domain\"",
            ["room_id"] = rules.RoomIdIsCreateHash ? $"\"!{Hash}\"" : "\"!x:domain\"",
            ["content"] = "{}",
            ["origin_server_ts"] = "1",
            ["depth"] = "1",
            ["prev_events"] = References(rules, 1),
            ["auth_events"] = "[]",
        };
        if (!rules.EventIdIsHash)
            members["event_id"] = "\"$x:domain\"";
        if (value is null)
            members.Remove(name);
        else
            members[name] = value;
        return Encoding.UTF8.GetBytes("{" + string.Join(',', members.Select(m => $"\"{m.Key}\":{m.Value}")) + "}");
    }
}
