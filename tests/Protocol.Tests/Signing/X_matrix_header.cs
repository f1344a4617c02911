using System.Text;
using CsCheck;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Signing;

public sealed class X_matrix_header
{
    private const string Sig =
        "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ";

    private static readonly ServerSigningKey Key =
        ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), new byte[32]);

    private static byte[] PublicKey => Convert.FromBase64String(Key.PublicKeyBase64 + "=");

    [Theory]
    [InlineData("X-Matrix origin=\"a\",destination=\"b\",key=\"ed25519:1\",sig=\"SIG\"")]
    [InlineData("X-Matrix origin=a,destination=b,key=\"ed25519:1\",sig=\"SIG\"")]
    [InlineData("X-Matrix origin=a,destination=b,key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,destination=b,key=ed25519:1,sig=SIG==")]
    [InlineData("x-matrix ORIGIN=\"a\",Destination=\"b\",KEY=\"ed25519:1\",Sig=\"SIG==\"")]
    [InlineData("X-Matrix   sig=\"SIG\" \t, key=\"ed25519:1\"\t,  destination=\"b\" ,origin=\"a\"  ")]
    [InlineData("X-Matrix origin=\"\\a\",destination=\"b\",key=\"ed25519\\:1\",sig=\"SIG\"")]
    [InlineData("X-Matrix ,,origin=a,,destination=b,key=ed25519:1,sig=SIG,")]
    [InlineData("X-Matrix origin = a,destination= b,key =ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,destination=b,x=\"1,\\\"2\",x=3,key=ed25519:1,sig=SIG,y=z")]
    public void reads_every_form(string text)
    {
        Assert.True(XMatrixHeader.TryParse(text.Replace("SIG", Sig, StringComparison.Ordinal), out var header));
        Assert.Equal("a", header.Origin.Value);
        Assert.Equal("b", header.Destination?.Value);
        Assert.Equal("ed25519:1", header.KeyId.Value);
        Assert.Equal(Sig, header.Signature);
    }

    [Theory]
    [InlineData("X-Matrix origin=\"a:8448\",key=\"ed25519:1\",sig=\"SIG\"", "a:8448")]
    [InlineData("X-Matrix origin=a.example:8448,key=ed25519:1,sig=SIG", "a.example:8448")]
    [InlineData("X-Matrix origin=\"[::1]:8448\",key=ed25519:1,sig=SIG", "[::1]:8448")]
    public void reads_ports_and_headers_without_a_destination(string text, string origin)
    {
        Assert.True(XMatrixHeader.TryParse(text.Replace("SIG", Sig, StringComparison.Ordinal), out var header));
        Assert.Equal(origin, header.Origin.Value);
        Assert.Null(header.Destination);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("X-Matrix")]
    [InlineData("X-Matrix ")]
    [InlineData("Bearer abc")]
    [InlineData("X-Matrixorigin=a,key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,key=ed25519:1")]
    [InlineData("X-Matrix origin=a,sig=SIG")]
    [InlineData("X-Matrix key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,origin=b,key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,key=ed25519:1,sig=SIG,sig=SIG")]
    [InlineData("X-Matrix origin=a_b,key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,destination=\"\",key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a,key=ed25519,sig=SIG")]
    [InlineData("X-Matrix origin=a,key=ed25519:1,sig=AAAA")]
    [InlineData("X-Matrix origin=a,key=ed25519:1,sig=\"SIG")]
    [InlineData("X-Matrix origin=a,key=ed25519:1,sig=\"SIG\\")]
    [InlineData("X-Matrix origin=a key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix origin=a;key=ed25519:1;sig=SIG")]
    [InlineData("X-Matrix origin,key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix =a,origin=a,key=ed25519:1,sig=SIG")]
    [InlineData("X-Matrix x=,origin=a,key=ed25519:1,sig=SIG")]
    public void refuses(string? text) =>
        Assert.False(XMatrixHeader.TryParse(text?.Replace("SIG", Sig, StringComparison.Ordinal), out _));

    [Fact]
    public void refuses_what_is_longer_than_any_header() =>
        Assert.False(XMatrixHeader.TryParse(
            $"X-Matrix origin=a,key=ed25519:1,sig={Sig},x={new string('x', Limits.XMatrixHeaderCharactersMax)}",
            out _));

    [Fact]
    public void reads_back_what_it_writes()
    {
        foreach (var destination in new[] { "b", "b:1", "[::1]:8448", "1.2.3.4", null })
        {
            ServerName? name = destination is null ? null : ServerName.Parse(destination);
            var header = new XMatrixHeader(ServerName.Parse("a.example:8448"), name, KeyId.Parse("ed25519:k_1"), Sig);
            Assert.True(XMatrixHeader.TryParse(header.ToString(), out var read));
            Assert.Equal(header, read);
        }
    }

    [Fact]
    public void never_throws()
    {
        const string alphabet = "X-Matrix origin=\"a\\,:; \tkeysg1ed25519";
        Gen.Int[0, alphabet.Length - 1].Array[0, 60].Sample(picks =>
        {
            var text = string.Concat(picks.Select(pick => alphabet[pick]));
            Assert.False(XMatrixHeader.TryParse("X-Matrix " + text, out _));
            Assert.False(XMatrixHeader.TryParse(text, out _));
        });
    }

    [Fact]
    public void writes_the_form_that_older_servers_read() => Assert.Equal(
        $"X-Matrix origin=\"a\",destination=\"b\",key=\"ed25519:1\",sig=\"{Sig}\"",
        new XMatrixHeader(ServerName.Parse("a"), ServerName.Parse("b"), KeyId.Parse("ed25519:1"), Sig).ToString());

    [Fact]
    public void verifies_the_request_that_was_signed_and_no_other()
    {
        var request = Request("PUT", "/_matrix/federation/v1/send/1?a=%2F", """{"b": 1, "a": "é"}""");
        var header = request.Sign(Key);

        Assert.True(request.Verifies(header, PublicKey));
        Assert.True((request with { Content = Utf8("""{"a":"\u00e9","b":1}""") }).Verifies(header, PublicKey));
        Assert.False((request with { Content = Utf8("""{"a":"e","b":1}""") }).Verifies(header, PublicKey));
        Assert.False((request with { Content = default }).Verifies(header, PublicKey));
        Assert.False((request with { Content = Utf8("{\"a\":1,\"a\":2}") }).Verifies(header, PublicKey));
        Assert.False((request with { Method = "POST" }).Verifies(header, PublicKey));
        Assert.False((request with { Uri = "/_matrix/federation/v1/send/1?a=/" }).Verifies(header, PublicKey));
        Assert.False((request with { Destination = ServerName.Parse("c") }).Verifies(header, PublicKey));
        Assert.False((request with { Origin = ServerName.Parse("c") }).Verifies(header, PublicKey));
        Assert.False(request.Verifies(header with { Signature = Sig }, PublicKey));
    }

    [Fact]
    public void verifies_requests_without_a_body_and_without_a_destination_in_the_header()
    {
        var request = Request("GET", "/_matrix/federation/v1/version", null);

        Assert.True(request.Verifies(request.Sign(Key), PublicKey));
        Assert.True(request.Verifies(request.Sign(Key) with { Destination = null }, PublicKey));
    }

    [Fact]
    public void signs_what_the_spec_says()
    {
        var request = Request("GET", "/t", null);
        var signed = JsonSigning.Sign(
            System.Text.Json.JsonElement.Parse("""{"method":"GET","uri":"/t","origin":"a","destination":"b"}"""),
            ServerName.Parse("a"),
            Key);

        Assert.Contains(request.Sign(Key).Signature, Encoding.UTF8.GetString(signed), StringComparison.Ordinal);
    }

    private static SignedRequest Request(string method, string uri, string? content) =>
        new(
            method,
            uri,
            ServerName.Parse("a"),
            ServerName.Parse("b"),
            content is null ? ReadOnlyMemory<byte>.Empty : Utf8(content));

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
