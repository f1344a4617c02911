using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using static Matrix.EventSourced.Protocol.Tests.EventAuth.AuthRoom;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>Rows about invites that redeem a third-party invite.</summary>
internal static class ThirdPartyCases
{
    private static readonly ServerSigningKey Key = NewKey(1);
    private static readonly ServerSigningKey OtherKey = NewKey(2);

    private static ServerSigningKey NewKey(byte seed)
    {
        Assert.True(KeyId.TryParse("ed25519:0", out var keyId));
        return ServerSigningKey.FromSeed(keyId, Enumerable.Repeat(seed, 32).ToArray());
    }

    private static string Signed(string content)
    {
        using var json = JsonDocument.Parse(content);
        return Encoding.UTF8.GetString(JsonSigning.Sign(json.RootElement, ServerName.Parse("id.example"), Key));
    }

    private static string ProperlySigned => Signed($$"""{"mxid":"{{Bob}}","token":"secret"}""");

    private static AuthOutcome Redeem(
        RoomVersionRules rules, string signed, string? offer = null, string sender = Alice, string targetMembership =
            "leave")
    {
        var room = new AuthRoom(rules).With((Alice, "join"), (Bob, targetMembership)).WithLevels("""{"invite":100}""");
        room.Put(
            "m.room.third_party_invite", "secret", Alice, offer ?? $$"""{"public_key":"{{Key.PublicKeyBase64}}"}""");
        return room.JudgeMember(sender, Bob, "invite", $"\"third_party_invite\":{signed}");
    }

    private static string Wrap(string signed) => $$"""{"signed":{{signed}}}""";

    public static void Add(AuthCases cases)
    {
        AddShape(cases);
        AddSignatures(cases);
    }

    private static void AddShape(AuthCases cases)
    {
        foreach (var rule in (AuthRule[])[
            AuthRule.ThirdPartyTargetNotBanned, AuthRule.ThirdPartySigned, AuthRule.ThirdPartyShape,
                AuthRule.ThirdPartyMxid,
            AuthRule.ThirdPartyToken, AuthRule.ThirdPartySender, AuthRule.ThirdPartyOtherwise])
        {
            cases.Passes(rule, AuthRule.ThirdPartySignature, "a proper redemption", rules =>
                Redeem(rules, Wrap(ProperlySigned)));
        }
        cases.Refuses(AuthRule.ThirdPartyTargetNotBanned, "a redemption by a banned user", rules =>
            Redeem(rules, Wrap(ProperlySigned), targetMembership: "ban"));
        foreach (var bad in (string[])["{}", "\"text\"", "null"])
            cases.Refuses(AuthRule.ThirdPartySigned, $"a third_party_invite {bad}", rules => Redeem(rules, bad));
        cases.Refuses(AuthRule.ThirdPartyShape, "no mxid", rules =>
            Redeem(rules, Wrap(Signed("""{"token":"secret"}"""))));
        cases.Refuses(AuthRule.ThirdPartyShape, "no token", rules =>
            Redeem(rules, Wrap(Signed($$"""{"mxid":"{{Bob}}"}"""))));
        cases.Refuses(AuthRule.ThirdPartyShape, "signed is no object", rules => Redeem(rules, Wrap("[]")));
        cases.Refuses(AuthRule.ThirdPartyMxid, "another user's mxid", rules =>
            Redeem(rules, Wrap(Signed($$"""{"mxid":"{{Carol}}","token":"secret"}"""))));
        cases.Refuses(AuthRule.ThirdPartyToken, "an unknown token", rules =>
            Redeem(rules, Wrap(Signed($$"""{"mxid":"{{Bob}}","token":"guess"}"""))));
        cases.Refuses(AuthRule.ThirdPartySender, "a redemption sent by someone else", rules =>
            Redeem(rules, Wrap(ProperlySigned), sender: Carol));
    }

    private static void AddSignatures(AuthCases cases)
    {
        cases.Allows(AuthRule.ThirdPartySignature, "a signature by the one public key", rules =>
            Redeem(rules, Wrap(ProperlySigned)));
        cases.Allows(AuthRule.ThirdPartySignature, "a signature by one of several public keys", rules => Redeem(
            rules, Wrap(ProperlySigned),
            $$"""
            {"public_key":"{{OtherKey.PublicKeyBase64}}","public_keys":[{"public_key":"{{Key.PublicKeyBase64}}"}]}
            """));
        cases.RefusesLater(
            AuthRule.ThirdPartySignature, AuthRule.ThirdPartyOtherwise, "a signature by another key", rules =>
            Redeem(rules, Wrap(ProperlySigned), $$"""{"public_key":"{{OtherKey.PublicKeyBase64}}"}"""));
        cases.Refuses(AuthRule.ThirdPartyOtherwise, "no signature", rules =>
            Redeem(rules, Wrap($$"""{"mxid":"{{Bob}}","token":"secret"}""")));
        cases.Refuses(AuthRule.ThirdPartyOtherwise, "a signature of other content", rules => Redeem(
            rules, Wrap(ProperlySigned.Replace("\"token\"", "\"more\":1,\"token\"", StringComparison.Ordinal))));
        cases.Refuses(AuthRule.ThirdPartyOtherwise, "signatures that are none", rules =>
            Redeem(rules,
                Wrap($$"""{"mxid":"{{Bob}}","signatures":{"id.example":{"ed25519:0":1},"x":[]},"token":"secret"}""")));
        cases.Refuses(AuthRule.ThirdPartyOtherwise, "public keys that are none", rules =>
            Redeem(rules, Wrap(ProperlySigned),
                """{"public_key":5,"public_keys":[1,{},{"public_key":"@@"},{"public_key":"QUJD"}]}"""));
    }
}
