using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Building_pdus
{
    private static readonly byte[] Seed = Convert.FromBase64String("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1=");

    private static readonly ServerIdentity Identity = new(
        ServerName.Parse("domain"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), Seed));

    public static TheoryData<string> Versions => [.. RoomVersionRules.All.Select(rules => rules.Version)];

    /// <summary>appendices #event-signing: the minimal event, and one with content that a redaction takes.</summary>
    public static TheoryData<string, string, string, string> Vectors => new()
    {
        {
            "X",
            """
            {"room_id":"!x:domain","sender":"@a:domain","origin":"domain","origin_server_ts":1000000,"signatures":{},
            "hashes":{},"type":"X","content":{},"prev_events":[],"auth_events":[],"depth":3,
            "unsigned":{"age_ts":1000000}}
            """,
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"
        },
        {
            "m.room.message",
            """
            {"content":{"body":"Here is the message content"},"event_id":"$0:domain","origin":"domain","hashes":{},
            "origin_server_ts":1000000,"type":"m.room.message","room_id":"!r:domain","sender":"@u:domain",
            "signatures":{},"unsigned":{"age_ts":1000000}}
            """,
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"
        },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void hashes_and_signs_like_the_vectors_of_the_spec(string type, string json, string hash, string signature)
    {
        var canonical = CanonicalJson.Canonicalise(Encoding.UTF8.GetBytes(json));
        Assert.Equal(hash, UnpaddedBase64.Encode(PduHashes.ContentHash(canonical)));

        var withHash = json.Replace("\"hashes\":{}", $"\"hashes\":{{\"sha256\":\"{hash}\"}}", StringComparison.Ordinal);
        var hashed = CanonicalJson.Canonicalise(Encoding.UTF8.GetBytes(withHash));
        var redacted = JsonDocument.Parse(Redaction.Redact(hashed, type, RoomVersionRules.Find("1")!)).RootElement;
        Assert.Equal(signature, Identity.Key.Sign(JsonSigning.SignedPart(redacted)));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void builds_what_the_parser_takes_and_what_verifies(string version)
    {
        var rules = RoomVersionRules.Find(version)!;
        var pdu = Built(Draft(rules, """{"b":"\u00e9\n","a":[1,{"z":null,"y":true}]}"""), rules);

        var parsed = ((PduParseResult.Parsed)PduParser.Parse(pdu.Json, rules)).Pdu;

        Assert.Equal(pdu.EventId, parsed.EventId);
        Assert.True(pdu.Json.Span.SequenceEqual(parsed.Json.Span));
        Assert.True(PduHashes.ContentHashHolds(parsed));
        Assert.True(rules.IsWellFormed(parsed.EventId));
        var redacted = JsonDocument.Parse(Redaction.Redact(parsed)).RootElement;
        var publicKey = Convert.FromBase64String(Identity.Key.PublicKeyBase64 + "=");
        Assert.True(JsonSigning.Verify(redacted, Identity.Name, Identity.Key.KeyId, publicKey));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void puts_redacts_where_the_version_keeps_it(string version)
    {
        var rules = RoomVersionRules.Find(version)!;
        var target = EventId.Parse("$target:domain");
        var pdu = Built(Draft(
            rules, """{"reason":"spam","redacts":"$other"}""", EventTypes.Redaction) with { Redacts = target }, rules);

        var json = JsonDocument.Parse(pdu.Json).RootElement;

        Assert.Equal(target, pdu.Redacts);
        Assert.Equal(rules.RedactsInContent, !json.TryGetProperty("redacts", out _));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void moves_redacts_out_of_the_content_where_clients_may_say_it(string version)
    {
        // From v1.18 on, clients send redactions as any event, with the target in the content, in rooms of all versions.
        var rules = RoomVersionRules.Find(version)!;
        var pdu = Built(Draft(rules, """{"redacts":"$target:domain","z":1,"a":2}""", EventTypes.Redaction), rules);

        var json = JsonDocument.Parse(pdu.Json).RootElement;

        Assert.Equal("$target:domain", pdu.Redacts?.Value);
        Assert.Equal(rules.RedactsInContent, json.GetProperty("content").TryGetProperty("redacts", out _));
        Assert.Equal(!rules.RedactsInContent, json.TryGetProperty("redacts", out _));
        Assert.Equal(1, json.GetProperty("content").GetProperty("z").GetInt32());
    }

    [Fact]
    public void leaves_redacts_of_other_types_and_of_other_kinds_alone()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var other = Built(Draft(rules, """{"redacts":"$target:domain"}"""), rules);
            var malformed = Built(Draft(rules, """{"redacts":7}""", EventTypes.Redaction), rules);

            Assert.Null(other.Redacts);
            Assert.Equal("""{"redacts":"$target:domain"}""", Encoding.UTF8.GetString(other.ContentUtf8.Span));
            Assert.Null(malformed.Redacts);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void cites_by_id_and_hash_where_the_id_is_none(string version)
    {
        var rules = RoomVersionRules.Find(version)!;
        var cited = Built(Draft(rules, """{"body":"gone after a redaction"}"""), rules);
        var unknown = EventId.Parse(IdOf(rules));
        var hash = PduHashes.ReferenceHash(cited);
        var draft = Draft(rules, "{}") with
        {
            PrevEvents = [cited.EventId],
            AuthEvents = [unknown, cited.EventId],
            EventIdToReferenceHash = new Dictionary<EventId, ReadOnlyMemory<byte>> { [cited.EventId] = hash },
        };

        var json = JsonDocument.Parse(Built(draft, rules).Json).RootElement;

        var pair = $$"""["{{cited.EventId}}",{"sha256":"{{UnpaddedBase64.Encode(hash)}}"}]""";
        Assert.Equal(PduHashes.ReferenceHash(cited.ToRedacted()), hash);
        Assert.Equal(
            rules.ReferencesArePairs ? $"[{pair}]" : $"[\"{cited.EventId}\"]",
            json.GetProperty("prev_events").GetRawText());
        Assert.Equal(
            rules.ReferencesArePairs ? $"[[\"{unknown}\",{{}}],{pair}]" : $"[\"{unknown}\",\"{cited.EventId}\"]",
            json.GetProperty("auth_events").GetRawText());
    }

    [Fact]
    public void makes_the_room_id_of_a_version_12_room()
    {
        var rules = RoomVersionRules.Find("12")!;
        var draft = Draft(
            rules, """{"room_version":"12"}""", EventTypes.Create) with { StateKey = string.Empty, RoomId = null };

        var pdu = Built(draft, rules);

        Assert.Equal("!" + pdu.EventId.Value[1..], pdu.RoomId.Value);
        Assert.DoesNotContain("room_id", Encoding.UTF8.GetString(pdu.Json.Span), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":1.5}""", ErrCodes.BadJson)]
    [InlineData("""{"a":9007199254740992}""", ErrCodes.BadJson)]
    [InlineData("""[]""", ErrCodes.BadJson)]
    public void refuses_contents_that_cannot_be(string content, string errCode)
    {
        foreach (var rules in RoomVersionRules.All)
            Assert.Equal(errCode, Refused(Draft(rules, content), rules).ErrCode);
    }

    [Theory]
    [InlineData("a\0", null)]
    [InlineData("a", "\0")]
    [InlineData("half", null)]
    public void refuses_names_that_no_server_takes(string type, string? stateKey)
    {
        // The parser refuses them, so building one used to end as a broken invariant.
        foreach (var rules in RoomVersionRules.All)
        {
            // Attributes cannot carry half a surrogate pair.
            var draft = Draft(rules, "{}", type == "half" ? "\uD800" : type) with { StateKey = stateKey };
            Assert.Equal(ErrCodes.BadJson, Refused(draft, rules).ErrCode);
        }
    }

    [Fact]
    public void refuses_contents_that_nest_too_deep_inside_of_a_pdu()
    {
        // Exactly at the limit on its own, one over it as the content.
        var options = new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax };
        foreach (var rules in RoomVersionRules.All)
        {
            var deepest = Draft(rules, "{}") with { Content = JsonDocument.Parse(Nested(99), options).RootElement };
            Built(deepest, rules);
            var deeper = Draft(rules, "{}") with { Content = JsonDocument.Parse(Nested(100), options).RootElement };
            Assert.Equal(ErrCodes.BadJson, Refused(deeper, rules).ErrCode);
        }
    }

    [Fact]
    public void stays_at_the_deepest_depth()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var pdu = Built(Draft(rules, "{}") with { Depth = long.MaxValue }, rules);
            Assert.Equal(rules.StrictCanonicalJson ? Limits.CanonicalIntegerMax : long.MaxValue, pdu.Depth);
            Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(pdu.Json, rules));
        }
    }

    private static string Nested(int depth) =>
        "{\"a\":" + new string('[', depth - 1) + new string(']', depth - 1) + "}";

    [Fact]
    public void holds_the_limits_of_size()
    {
        var rules = RoomVersionRules.Find("12")!;
        var overhead = Built(Draft(rules, """{"x":""}"""), rules).Json.Length;

        Built(Draft(rules, $$"""{"x":"{{new string('x', Limits.PduBytesMax - overhead)}}"}"""), rules);
        Assert.Equal(
            ErrCodes.TooLarge,
            Refused(
                Draft(rules, $$"""{"x":"{{new string('x', Limits.PduBytesMax - overhead + 1)}}"}"""), rules).ErrCode);
        Assert.Equal(ErrCodes.TooLarge, Refused(Draft(rules, "{}", new string('t', 256)), rules).ErrCode);
        Assert.Equal(
            ErrCodes.TooLarge, Refused(Draft(rules, "{}") with { StateKey = new string('é', 128) }, rules).ErrCode);
    }

    [Fact]
    public void shows_clients_the_redacted_id_in_both_places()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var draft = Draft(
                rules, """{"reason":"a"}""", EventTypes.Redaction) with { Redacts = EventId.Parse("$target:domain") };
            var json = Written(Built(draft, rules), ClientEventFormat.WithRoomId);

            Assert.Equal("$target:domain", json.GetProperty("redacts").GetString());
            Assert.Equal("$target:domain", json.GetProperty("content").GetProperty("redacts").GetString());
            Assert.Equal("a", json.GetProperty("content").GetProperty("reason").GetString());
            Assert.False(json.TryGetProperty("hashes", out _));
        }
    }

    [Fact]
    public void shows_clients_the_federation_form_with_the_id()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var pdu = Built(Draft(rules, """{"a\"b":1}"""), rules);
            var json = Written(pdu, ClientEventFormat.Federation);

            Assert.Equal(pdu.EventId.Value, json.GetProperty("event_id").GetString());
            Assert.Equal(1, json.GetProperty("content").GetProperty("a\"b").GetInt32());
            Assert.True(json.TryGetProperty("signatures", out _));
        }
    }

    private static JsonElement Written(Pdu pdu, ClientEventFormat format)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            ClientEventWriter.Write(json, pdu, format, unsigned => unsigned.WriteNumber("age", 1));
        return JsonDocument.Parse(buffer.WrittenMemory).RootElement;
    }

    private static PduDraft Draft(RoomVersionRules rules, string content, string type = "m.test") => new(
        RoomId.Parse(rules.RoomIdIsCreateHash ? "!47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" : "!x:domain"),
        type,
        null,
        UserId.Parse("@a:domain"),
        JsonDocument.Parse(content).RootElement,
        1_000_000,
        3,
        [EventId.Parse(IdOf(rules))],
        [EventId.Parse(IdOf(rules))]);

    private static string IdOf(RoomVersionRules rules) =>
        rules.EventIdIsHash ? "$47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" : "$prev:domain";

    private static Pdu Built(PduDraft draft, RoomVersionRules rules) =>
        ((PduBuildResult.Built)PduBuilder.Build(draft, rules, Identity)).Pdu;

    private static MatrixError Refused(PduDraft draft, RoomVersionRules rules) =>
        ((PduBuildResult.Refused)PduBuilder.Build(draft, rules, Identity)).Error;
}
