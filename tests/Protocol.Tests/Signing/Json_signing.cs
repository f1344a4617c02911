using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Signing;

public sealed class Json_signing
{
    /// <summary>The key and the answers of the spec: appendices #cryptographic-test-vectors.</summary>
    private static readonly byte[] Seed = Convert.FromBase64String("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1=");

    private static readonly ServerSigningKey Key = ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), Seed);
    private static readonly ServerName Domain = ServerName.Parse("domain");

    [Theory]
    [InlineData("{}", "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ")]
    [InlineData(
        """{"one":1,"two":"Two"}""",
        "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw")]
    public void matches_the_vectors_of_the_spec(string json, string signature)
    {
        var signed = JsonDocument.Parse(JsonSigning.Sign(Parse(json), Domain, Key)).RootElement;

        Assert.Equal(
            signature, signed.GetProperty("signatures").GetProperty("domain").GetProperty("ed25519:1").GetString());
        Assert.True(JsonSigning.Verify(signed, Domain, Key.KeyId, PublicKey));
    }

    [Fact]
    public void keeps_other_signatures_and_unsigned_members()
    {
        var json = Parse(
            """{"a":1,"signatures":{"domain":{"ed25519:0":"old"},"other":{"ed25519:1":"x"}},"unsigned":{"age":1}}""");

        var signed = Parse(Encoding.UTF8.GetString(JsonSigning.Sign(json, Domain, Key)));

        var signatures = signed.GetProperty("signatures");
        Assert.Equal("old", signatures.GetProperty("domain").GetProperty("ed25519:0").GetString());
        Assert.Equal("x", signatures.GetProperty("other").GetProperty("ed25519:1").GetString());
        Assert.Equal(1, signed.GetProperty("unsigned").GetProperty("age").GetInt32());
        Assert.True(JsonSigning.Verify(signed, Domain, Key.KeyId, PublicKey));
    }

    [Theory]
    [InlineData("""{"a":2}""")]
    [InlineData("""{"a":1,"b":1}""")]
    public void notices_a_change(string changed)
    {
        var signed = Parse(Encoding.UTF8.GetString(JsonSigning.Sign(Parse("""{"a":1}"""), Domain, Key)));
        var forged = Parse(changed[..^1] + ",\"signatures\":" + signed.GetProperty("signatures").GetRawText() + "}");

        Assert.False(JsonSigning.Verify(forged, Domain, Key.KeyId, PublicKey));
        Assert.False(JsonSigning.Verify(signed, ServerName.Parse("other"), Key.KeyId, PublicKey));
        Assert.False(JsonSigning.Verify(signed, Domain, KeyId.Parse("ed25519:2"), PublicKey));
        Assert.False(JsonSigning.Verify(signed, Domain, Key.KeyId, new byte[3]));
    }

    [Theory]
    [InlineData("""{"a":"\ud800","signatures":{"domain":{"ed25519:1":"AAAA"}}}""")]
    [InlineData("""{"\ud800":1,"signatures":{"domain":{"ed25519:1":"AAAA"}}}""")]
    [InlineData("""{"signatures":{"domain":{"ed25519:1":"\ud800"}}}""")]
    [InlineData("""{"signatures":{"\ud800":{},"domain":{"ed25519:\ud800":"","ed25519:1":"AAAA"}}}""")]
    [InlineData("""{"signatures":{"domain":{"ed25519:1":["AAAA"]}}}""")]
    [InlineData("""{"signatures":{"domain":"ed25519:1"}}""")]
    [InlineData("""{"signatures":[]}""")]
    [InlineData("""["signatures"]""")]
    [InlineData("""null""")]
    public void verifies_nothing_in_what_cannot_be_read(string json)
    {
        // Half surrogates used to throw out of the check.
        Assert.False(JsonSigning.Verify(Parse(json), Domain, Key.KeyId, PublicKey));
    }

    [Fact]
    public void verifies_nothing_in_an_object_with_the_same_key_twice()
    {
        var signed = Encoding.UTF8.GetString(JsonSigning.Sign(Parse("""{"a":1}"""), Domain, Key));

        Assert.True(JsonSigning.Verify(Parse(signed), Domain, Key.KeyId, PublicKey));
        Assert.False(JsonSigning.Verify(
            Parse("""{"signatures":{},""" + signed[1..]), Domain, Key.KeyId, PublicKey));
        Assert.False(JsonSigning.Verify(
            Parse("""{"unsigned":{"a":1,"a":2},""" + signed[1..]), Domain, Key.KeyId, PublicKey));
    }

    [Theory]
    [InlineData("ed25519:a_1", true)]
    [InlineData("ed25519:", false)]
    [InlineData(":a", false)]
    [InlineData("ed25519", false)]
    [InlineData("ed25519:a-b", false)]
    public void knows_the_grammar_of_key_ids(string text, bool isOne) =>
        Assert.Equal(isOne, KeyId.TryParse(text, out _));

    private static byte[] PublicKey => Convert.FromBase64String(Key.PublicKeyBase64 + "=");

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}
