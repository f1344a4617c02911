using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.Tests.EventAuth;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Policy_servers
{
    private const string Server = "policy.example";

    private static readonly ServerSigningKey Key = ServerSigningKey.FromSeed(PolicyServer.KeyId, new byte[32]);

    private static readonly string Good =
        $$$"""{"public_keys":{"ed25519":"{{{Key.PublicKeyBase64}}}","other":7},"via":"{{{Server}}}"}""";

    [Fact]
    public void are_those_that_the_state_names()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var policy = PolicyServer.From(Policy(rules, Good));

            Assert.Equal(Server, policy?.Server.Value);
            Assert.Equal(32, policy!.PublicKey.Length);
        }
        Assert.Null(PolicyServer.From(null));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"via":"policy.example"}""")]
    [InlineData("""{"via":"policy.example","public_keys":[]}""")]
    [InlineData("""{"via":"policy.example","public_keys":{"ed25519":7}}""")]
    [InlineData("""{"via":"policy.example","public_keys":{"rsa":"AAAA"}}""")]
    [InlineData("""{"via":7,"public_keys":{"ed25519":"AAAA"}}""")]
    [InlineData("""{"via":"no server","public_keys":{"ed25519":"AAAA"}}""")]
    [InlineData("""{"public_keys":{"ed25519":"AAAA"}}""")]
    public void are_none_where_the_state_is_malformed(string content)
    {
        foreach (var rules in RoomVersionRules.All)
            Assert.Null(PolicyServer.From(Policy(rules, content)));
    }

    [Fact]
    public void sign_everything_but_the_state_that_names_them()
    {
        var rules = RoomVersionRules.Find("12")!;

        Assert.False(PolicyServer.MustSign(Policy(rules, Good)));
        Assert.True(PolicyServer.MustSign(Policy(rules, Good, "x")));
        Assert.True(PolicyServer.MustSign(Policy(rules, Good, null)));
        Assert.True(PolicyServer.MustSign(Message(rules)));
        Assert.Null(PolicyServer.From(Policy(rules, Good, "x")));
        Assert.Null(PolicyServer.From(Policy(rules, Good, null)));
    }

    [Fact]
    public void recommend_with_the_key_of_the_room()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var policy = PolicyServer.From(Policy(rules, Good))!;
            var message = Message(rules);
            var signature = Key.Sign(PduSignatures.SignedPart(message));
            var answer = JsonElement.Parse($$$"""{"{{{Server}}}":{"ed25519:policy_server":"{{{signature}}}"}}""");

            var recommended = Add(message, policy.FindSignature(answer)!);

            Assert.False(policy.HasSigned(message));
            Assert.True(policy.HasSigned(recommended));
            Assert.True(policy.HasSigned(recommended.ToRedacted()));
            Assert.Equal(message.EventId, recommended.EventId);
            Assert.False(policy.HasSigned(Add(message, Key.Sign(PduSignatures.SignedPart(Policy(rules, Good))))));
            Assert.False((policy with { Server = ServerName.Parse("other.example") }).HasSigned(recommended));
        }
    }

    [Fact]
    public void stay_enabled_and_recommend_nothing_with_a_key_that_is_none()
    {
        var rules = RoomVersionRules.Find("12")!;
        var policy = PolicyServer.From(Policy(rules, Good.Replace(Key.PublicKeyBase64, "?", StringComparison.Ordinal)));
        var message = Message(rules);

        Assert.False(policy!.HasSigned(Add(message, Key.Sign(PduSignatures.SignedPart(message)))));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"policy.example":7}""")]
    [InlineData("""{"policy.example":{"ed25519:1":"AAAA"}}""")]
    [InlineData("""{"policy.example":{"ed25519:policy_server":"AAAA"}}""")]
    public void refuse_by_an_answer_without_their_signature(string answer) =>
        Assert.Null(PolicyServer.From(Policy(RoomVersionRules.Find("12")!, Good))!
            .FindSignature(JsonElement.Parse(answer)));

    private static Pdu Add(Pdu pdu, string signature) => ((PduBuildResult.Built)PduRewriting.AddSignature(
        pdu, ServerName.Parse(Server), PolicyServer.KeyId, signature)).Pdu;

    private static Pdu Message(RoomVersionRules rules) => Make(rules, EventTypes.Message, """{"body":"x"}""", null);

    private static Pdu Policy(RoomVersionRules rules, string content, string? stateKey = "") =>
        Make(rules, EventTypes.PolicyServer, content, stateKey);

    private static Pdu Make(RoomVersionRules rules, string type, string content, string? stateKey) => PduMaker.Make(
        new("name", type, stateKey, "@a:one.example", content)
        {
            RoomId = PduMaker.RoomIdOf(PduMaker.IdOf("create", rules), rules),
        },
        rules);
}
