using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Signing;

public sealed class Server_keys
{
    private const long Now = 1_700_000_000_000;
    private const long Day = 86_400_000;

    private static readonly ServerName Server = ServerName.Parse("a.example");
    private static readonly KeyId Current = KeyId.Parse("ed25519:new");
    private static readonly KeyId Old = KeyId.Parse("ed25519:old");
    private static readonly ServerSigningKey Key = ServerSigningKey.FromSeed(Current, new byte[32]);
    private static readonly ServerSigningKey OldKey =
        ServerSigningKey.FromSeed(Old, Enumerable.Repeat((byte)7, 32).ToArray());

    [Fact]
    public void reads_what_a_server_publishes()
    {
        var keys = Read(Now + Day);

        Assert.Equal(Server, keys.Server);
        Assert.Equal(Now + Day, keys.ValidUntilTs);
        Assert.Equal([Current], keys.KeyIdToKey.Keys);
        Assert.Null(keys.KeyIdToKey[Current].ExpiredTs);
        Assert.Equal([Old], keys.KeyIdToOldKey.Keys);
        Assert.Equal(Now - Day, keys.KeyIdToOldKey[Old].ExpiredTs);
    }

    [Theory]
    [InlineData("ed25519:new", 0, true, true)]
    [InlineData("ed25519:new", Day, true, true)]
    [InlineData("ed25519:new", Day + 1, true, false)]
    [InlineData("ed25519:new", Day + 1, false, true)]
    [InlineData("ed25519:old", -Day, true, true)]
    [InlineData("ed25519:old", -Day, false, true)]
    [InlineData("ed25519:old", 1 - Day, true, false)]
    [InlineData("ed25519:old", 1 - Day, false, false)]
    [InlineData("ed25519:other", 0, false, false)]
    public void finds_the_key_that_counted_then(string keyId, long afterNow, bool enforces, bool isFound)
    {
        var key = Read(Now + Day).FindForPdu(KeyId.Parse(keyId), Now + afterNow, enforces, Now);

        Assert.Equal(isFound, key is not null);
    }

    [Fact]
    public void trusts_no_list_for_more_than_a_week()
    {
        var keys = Read(Now + 365 * Day);

        Assert.NotNull(keys.FindForPdu(Current, Now + 7 * Day, enforcesValidity: true, Now));
        Assert.Null(keys.FindForPdu(Current, Now + 7 * Day + 1, enforcesValidity: true, Now));
        Assert.NotNull(keys.FindForPdu(Current, Now + 8 * Day, enforcesValidity: false, Now));
    }

    [Fact]
    public void verifies_requests_with_current_keys_of_a_valid_list_only()
    {
        Assert.NotNull(Read(Now).FindForRequest(Current, Now));
        Assert.Null(Read(Now - 1).FindForRequest(Current, Now));
        Assert.Null(Read(Now + Day).FindForRequest(Old, Now));
    }

    [Theory]
    [InlineData("""{"server_name":"a.example"}""", """{"server_name":"b.example"}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"valid_until_ts":"1"}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"valid_until_ts":-1}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"verify_keys":[]}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"verify_keys":{}}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"verify_keys":{"ed25519:new":{"key":"AAAA"}}}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"verify_keys":{"ed25519:new":"AAAA"}}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"old_verify_keys":{"ed25519:new":{"key":"AAAA"}}}""")]
    [InlineData("""{"valid_until_ts":1}""", """{"old_verify_keys":[]}""")]
    public void refuses_malformed_objects(string good, string bad)
    {
        Assert.IsType<ServerKeysResult.Read>(ServerKeys.Read(Signed(good), Server));
        Assert.IsType<ServerKeysResult.Refused>(ServerKeys.Read(Signed(bad), Server));
    }

    [Fact]
    public void refuses_objects_that_their_own_key_has_not_signed()
    {
        var signed = Signed("{}").GetRawText();
        var changed = signed.Replace("\"valid_until_ts\":1", "\"valid_until_ts\":2", StringComparison.Ordinal);

        Assert.IsType<ServerKeysResult.Refused>(ServerKeys.Read(JsonElement.Parse(changed), Server));
        Assert.IsType<ServerKeysResult.Refused>(ServerKeys.Read(JsonElement.Parse("[]"), Server));
        Assert.IsType<ServerKeysResult.Refused>(
            ServerKeys.Read(JsonElement.Parse("""{"x":"\ud800",""" + signed[1..]), Server));
        Assert.IsType<ServerKeysResult.Refused>(
            ServerKeys.Read(JsonElement.Parse("""{"x":{"a":1,"a":2},""" + signed[1..]), Server));
    }

    [Fact]
    public void passes_over_keys_that_nobody_could_verify_with()
    {
        var keys = $$$"""
            {"verify_keys":{"ed25519:new":{"key":"{{{Key.PublicKeyBase64}}}"},"rsa:1":{"key":5},"nonsense":7}}
            """;

        var read = (ServerKeysResult.Read)ServerKeys.Read(Signed(keys), Server);

        Assert.Equal([Current], read.Keys.KeyIdToKey.Keys);
    }

    private static ServerKeys Read(long validUntilTs)
    {
        var json = $$$"""
            {"valid_until_ts":{{{validUntilTs}}},"old_verify_keys":
              {"ed25519:old":{"expired_ts":{{{Now - Day}}},"key":"{{{OldKey.PublicKeyBase64}}}"} } }
            """;
        return ((ServerKeysResult.Read)ServerKeys.Read(Signed(json), Server)).Keys;
    }

    /// <summary>A good object with some members replaced, signed.</summary>
    private static JsonElement Signed(string replaced)
    {
        var members = new Dictionary<string, JsonElement>
        {
            ["server_name"] = JsonElement.Parse("\"a.example\""),
            ["valid_until_ts"] = JsonElement.Parse("1"),
            ["verify_keys"] = JsonElement.Parse($$$"""{"ed25519:new":{"key":"{{{Key.PublicKeyBase64}}}"}}"""),
        };
        foreach (var member in JsonElement.Parse(replaced).EnumerateObject())
            members[member.Name] = member.Value;
        var json = JsonElement.Parse(JsonSerializer.Serialize(members));
        return JsonElement.Parse(Encoding.UTF8.GetString(JsonSigning.Sign(json, Server, Key)));
    }
}
