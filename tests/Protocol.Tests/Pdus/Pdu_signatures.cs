using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Pdu_signatures
{
    private const long Ts = 1_000_000;
    private const string ThirdParty = """{"membership":"invite","third_party_invite":{"signed":{}}}""";
    private const string Restricted = """{"membership":"join","join_authorised_via_users_server":"@x:third.example"}""";

    private static readonly ServerSigningKey Key = ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), new byte[32]);
    private static readonly ServerIdentity Sender = new(ServerName.Parse("sender.example"), Key);

    public static TheoryData<string> Versions => [.. RoomVersionRules.All.Select(rules => rules.Version)];

    /// <summary>Room version, content of a member PDU, who must sign it ("-": nobody could).</summary>
    public static TheoryData<string, string, string> Required
    {
        get
        {
            var table = new TheoryData<string, string, string>();
            foreach (var version in RoomVersionRules.All.Select(rules => rules.Version))
            {
                var hasIdServer = version is "1" or "2";
                var hasAuthoriser = int.Parse(version, System.Globalization.CultureInfo.InvariantCulture) >= 8;
                var usual = hasIdServer ? "sender.example id.example" : "sender.example";
                table.Add(version, """{"membership":"join"}""", usual);
                table.Add(version, """{"membership":"invite","third_party_invite":1}""", usual);
                table.Add(version, """{"membership":"join","third_party_invite":{}}""", usual);
                table.Add(version, ThirdParty, hasIdServer ? "id.example" : "");
                table.Add(version, Restricted, hasAuthoriser ? "sender.example third.example" : usual);
                table.Add(
                    version,
                    Restricted.Replace("third.example", "sender.example", StringComparison.Ordinal),
                    usual);
                foreach (var nobody in new[] { "\"third.example\"", "{}", "null" })
                {
                    table.Add(
                        version,
                        $$"""{"join_authorised_via_users_server":{{nobody}} }""",
                        hasAuthoriser ? "-" : usual);
                }
            }
            return table;
        }
    }

    [Theory]
    [MemberData(nameof(Required))]
    public void are_required_of(string version, string content, string servers)
    {
        var pdu = Built(version, content);
        if (!pdu.Rules.EventIdIsHash)
        {
            // An id that another server chose.
            var json = Encoding.UTF8.GetString(pdu.Json.Span)
                .Replace(pdu.EventId.Value, "$x:id.example", StringComparison.Ordinal);
            pdu = Parsed(Encoding.UTF8.GetBytes(json), pdu.Rules);
        }

        var required = PduSignatures.RequiredServers(pdu);

        Assert.Equal(servers, required is null ? "-" : string.Join(' ', required));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void hold_for_the_full_and_for_the_redacted_copy(string version)
    {
        var pdu = Built(version, """{"membership":"join","displayname":"a"}""");

        Assert.Equal([Key.KeyId], PduSignatures.KeyIds(pdu, Sender.Name));
        Assert.True(PduSignatures.IsSignedBy(pdu, Keys(Key), Ts));
        Assert.True(PduSignatures.IsSignedBy(pdu.ToRedacted(), Keys(Key), Ts));
        Assert.False(PduHashes.ContentHashHolds(pdu.ToRedacted()));
        Assert.Equal(PduHashes.ReferenceHash(pdu.Json.Span, pdu.Type, pdu.Rules),
            PduHashes.ReferenceHash(pdu.ToRedacted().Json.Span, pdu.Type, pdu.Rules));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void do_not_hold_for_another_pdu(string version)
    {
        var pdu = Built(version, """{"membership":"join","displayname":"a"}""");
        var text = Encoding.UTF8.GetString(pdu.Json.Span);
        var otherMembership = Parsed(Utf8(text.Replace("\"join\"", "\"ban\"", StringComparison.Ordinal)), pdu.Rules);
        var otherName = Parsed(Utf8(text.Replace("\"a\"", "\"b\"", StringComparison.Ordinal)), pdu.Rules);

        Assert.False(PduSignatures.IsSignedBy(otherMembership, Keys(Key), Ts));
        Assert.True(PduSignatures.IsSignedBy(otherName, Keys(Key), Ts));
        Assert.True(PduHashes.ContentHashHolds(pdu));
        Assert.False(PduHashes.ContentHashHolds(otherName));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void need_a_key_that_is_valid_from_version_5_on(string version)
    {
        var pdu = Built(version, "{}");
        var outdated = Keys(Key) with { ValidUntilTs = Ts - 1 };
        var expired = outdated with
        {
            KeyIdToKey = new Dictionary<KeyId, VerifyKey>(),
            KeyIdToOldKey = new Dictionary<KeyId, VerifyKey>
            {
                [Key.KeyId] = new(Key.KeyId, PublicKey(Key), Ts - 1),
            },
        };

        Assert.Equal(!pdu.Rules.EnforcesKeyValidity, PduSignatures.IsSignedBy(pdu, outdated, Ts));
        Assert.False(PduSignatures.IsSignedBy(pdu, expired, Ts));
    }

    [Fact]
    public void with_unknown_keys_are_passed_over_but_a_bad_one_with_a_known_key_is_fatal()
    {
        var pdu = Built("12", "{}");
        var text = Encoding.UTF8.GetString(pdu.Json.Span);
        var withUnknown = text.Replace(
            "\"ed25519:1\":", "\"ed25519:policy_server\":\"AAAA\",\"x\":\"\",\"ed25519:1\":", StringComparison.Ordinal);
        var unknownOnly = text.Replace("\"ed25519:1\":", "\"ed25519:2\":", StringComparison.Ordinal);
        var other = ServerSigningKey.FromSeed(KeyId.Parse("ed25519:policy_server"), new byte[32]);

        Assert.True(PduSignatures.IsSignedBy(Parsed(Utf8(withUnknown), pdu.Rules), Keys(Key), Ts));
        Assert.False(PduSignatures.IsSignedBy(Parsed(Utf8(unknownOnly), pdu.Rules), Keys(Key), Ts));
        Assert.False(PduSignatures.IsSignedBy(Parsed(Utf8(withUnknown), pdu.Rules), Keys(Key, other), Ts));
        Assert.Empty(PduSignatures.KeyIds(pdu, ServerName.Parse("other")));
    }

    [Theory]
    [InlineData("""{"sender.example":7}""")]
    [InlineData("""{"sender.example":{"ed25519:1":7}}""")]
    [InlineData("""{"sender.example":{"ed25519:1":"="}}""")]
    [InlineData("""{}""")]
    public void that_are_malformed_do_not_hold(string signatures)
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var json = System.Text.Json.Nodes.JsonNode.Parse(Built(rules.Version, "{}").Json.Span)!.AsObject();
            json["signatures"] = System.Text.Json.Nodes.JsonNode.Parse(signatures);
            var pdu = Parsed(Utf8(json.ToJsonString()), rules);
            Assert.False(PduSignatures.IsSignedBy(pdu, Keys(Key), Ts));
        }
    }

    private static ServerKeys Keys(params ServerSigningKey[] keys) => new(
        Sender.Name,
        keys.ToDictionary(key => key.KeyId, key => new VerifyKey(key.KeyId, PublicKey(key), null)),
        new Dictionary<KeyId, VerifyKey>(),
        Ts);

    private static byte[] PublicKey(ServerSigningKey key) => UnpaddedBase64.Decode(key.PublicKeyBase64)!;

    private static Pdu Built(string version, string content)
    {
        var rules = RoomVersionRules.Find(version)!;
        var draft = new PduDraft(
            RoomId.Parse(
                rules.RoomIdIsCreateHash ? "!47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" : "!x:sender.example"),
            EventTypes.Member,
            "@a:sender.example",
            UserId.Parse("@a:sender.example"),
            JsonElement.Parse(content),
            Ts,
            3,
            [],
            []);
        return ((PduBuildResult.Built)PduBuilder.Build(draft, rules, Sender)).Pdu;
    }

    private static Pdu Parsed(byte[] json, RoomVersionRules rules) =>
        ((PduParseResult.Parsed)PduParser.Parse(json, rules)).Pdu;

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
