using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Rewriting_pdus
{
    private const string Hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    private const long Ts = 1_000_000;

    private static readonly ServerIdentity Sender = new(
        ServerName.Parse("sender.example"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), new byte[32]));

    private static readonly ServerIdentity Invited = new(
        ServerName.Parse("invited.example"),
        ServerSigningKey.FromSeed(KeyId.Parse("ed25519:2"), [.. Enumerable.Repeat((byte)7, 32)]));

    public static TheoryData<string> Versions => [.. RoomVersionRules.All.Select(rules => rules.Version)];

    [Theory]
    [MemberData(nameof(Versions))]
    public void adds_a_signature_that_holds_and_leaves_all_else(string version)
    {
        var pdu = Built(version, """{"membership":"invite","displayname":"a"}""");

        var signed = Signed(pdu, Invited);

        Assert.Equal(pdu.EventId, signed.EventId);
        Assert.True(PduSignatures.IsSignedBy(signed, Keys(Sender), Ts));
        Assert.True(PduSignatures.IsSignedBy(signed, Keys(Invited), Ts));
        Assert.True(PduHashes.ContentHashHolds(signed));
        // What comes out is what any server would make of it, and reads as the same PDU.
        var parsed = Assert.IsType<PduParseResult.Parsed>(PduParser.Parse(signed.Json, signed.Rules)).Pdu;
        Assert.Equal(signed.Json.Span, parsed.Json.Span);
        Assert.Equal(signed.EventId, parsed.EventId);
        var without = JsonNode.Parse(signed.Json.Span)!.AsObject();
        Assert.True(without["signatures"]!.AsObject().Remove("invited.example"));
        Assert.Equal(pdu.Json.Span, CanonicalJson.Canonicalise(Encoding.UTF8.GetBytes(without.ToJsonString())));
    }

    [Fact]
    public void replaces_a_signature_of_the_same_key()
    {
        var pdu = Built("12", "{}");
        var forged = ((PduBuildResult.Built)PduRewriting.AddSignature(
            pdu, Sender.Name, Sender.Key.KeyId, new string('A', 86))).Pdu;

        Assert.False(PduSignatures.IsSignedBy(forged, Keys(Sender), Ts));
        Assert.Equal(pdu.Json.Span, Signed(forged, Sender).Json.Span);
    }

    [Fact]
    public void signs_what_has_no_signatures()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var json = JsonNode.Parse(Built(rules.Version, "{}").Json.Span)!.AsObject();
            json.Remove("signatures");
            var pdu = Parsed(json, rules);

            Assert.True(PduSignatures.IsSignedBy(Signed(pdu, Sender), Keys(Sender), Ts));
        }
    }

    [Fact]
    public void refuses_a_signature_for_which_there_is_no_room()
    {
        var overhead = Built("12", """{"x":""}""").Json.Length;
        var pdu = Built("12", $$"""{"x":"{{new string('x', Limits.PduBytesMax - overhead)}}"}""");

        Assert.IsType<PduBuildResult.Refused>(PduRewriting.Sign(pdu, Invited));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void takes_unsigned_off_and_keeps_id_hashes_and_signatures(string version)
    {
        var pdu = Built(version, """{"membership":"join"}""");
        var json = JsonNode.Parse(pdu.Json.Span)!.AsObject();
        json["unsigned"] = JsonNode.Parse("""{"age":4,"redacted_because":{"type":"forged"}}""");
        var received = Parsed(json, pdu.Rules);

        var kept = PduRewriting.WithoutUnsigned(received);

        Assert.Equal(JsonValueKind.Object, received.Unsigned.ValueKind);
        Assert.Equal(pdu.Json.Span, kept.Json.Span);
        Assert.Equal(pdu.EventId, kept.EventId);
        Assert.Same(kept, PduRewriting.WithoutUnsigned(kept));
    }

    private static Pdu Signed(Pdu pdu, ServerIdentity identity) =>
        Assert.IsType<PduBuildResult.Built>(PduRewriting.Sign(pdu, identity)).Pdu;

    private static ServerKeys Keys(ServerIdentity identity)
    {
        var key = identity.Key;
        return new(
            identity.Name,
            new Dictionary<KeyId, VerifyKey>
            {
                [key.KeyId] = new(key.KeyId, UnpaddedBase64.Decode(key.PublicKeyBase64)!, null),
            },
            new Dictionary<KeyId, VerifyKey>(),
            Ts);
    }

    private static Pdu Built(string version, string content)
    {
        var rules = RoomVersionRules.Find(version)!;
        var draft = new PduDraft(
            RoomId.Parse(rules.RoomIdIsCreateHash ? "!" + Hash : "!x:sender.example"),
            EventTypes.Member,
            "@b:invited.example",
            UserId.Parse("@a:sender.example"),
            JsonElement.Parse(content),
            Ts,
            3,
            [],
            []);
        return ((PduBuildResult.Built)PduBuilder.Build(draft, rules, Sender)).Pdu;
    }

    private static Pdu Parsed(JsonObject json, RoomVersionRules rules) =>
        ((PduParseResult.Parsed)PduParser.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), rules)).Pdu;
}
