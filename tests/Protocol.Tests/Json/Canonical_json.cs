using System.Text;
using System.Text.Json;
using CsCheck;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Protocol.Tests.Json;

public sealed class Canonical_json
{
    /// <summary>The examples of appendices #canonical-json, then the edges that they leave out.</summary>
    public static TheoryData<string, string> Vectors => new()
    {
        { "{}", "{}" },
        { """{ "one": 1, "two": "Two" }""", """{"one":1,"two":"Two"}""" },
        { """{"b": "2", "a": "1"}""", """{"a":"1","b":"2"}""" },
        { """{"b":"2","a":"1"}""", """{"a":"1","b":"2"}""" },
        {
            """
            {"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe",
              "three_pids": [{"medium": "email", "address": "john.doe@example.org"},
                             {"medium": "msisdn", "address": "123456789"}]}}}
            """,
            """{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":["""
            + """{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}"""
            + """]},"success":true}}"""
        },
        { """{"a": "日本語"}""", """{"a":"日本語"}""" },
        { """{"本": 2, "日": 1}""", """{"日":1,"本":2}""" },
        { """{"a": "\u65E5"}""", """{"a":"日"}""" },
        { """{"a": null}""", """{"a":null}""" },
        { """{"a": -0, "b": 1e10}""", """{"a":0,"b":10000000000}""" },
        // Escapes: only what must be, in the short form where there is one.
        {
            """["\u0000\u0008\u0009\u000A\u000B\u000C\u000D\u001F\u007F"]""",
            "[\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u007f\"]"
        },
        { """["\/\"\\\u002f\u0022\u005c"]""", """["/\"\\/\"\\"]""" },
        { """["\uD83D\uDE00\u2028"]""", "[\"😀\u2028\"]" },
        // Keys by code point: U+FFFD comes before U+1F600, though its UTF-16 unit is the larger one.
        { "{\"😀\":1,\"\uFFFD\":2}", "{\"\uFFFD\":2,\"😀\":1}" },
        { """{"a":1,"\u0041":2,"":3,"aa":4,"a\u0000":5}""", """{"":3,"A":2,"a":1,"a\u0000":5,"aa":4}""" },
        // Numbers of old rooms keep their token.
        {
            "[1.0,-0.0,1.5e3,1E400,123456789012345678901234567890,9007199254740993]",
            "[1.0,-0.0,1.5e3,1E400,123456789012345678901234567890,9007199254740993]"
        },
        { "[1e0,1e+2,-3E1,0e5,1e-1,1e17]", "[1,100,-30,0,1e-1,1e17]" },
        { "[-9223372036854775808e0,9223372036854775807E0]", "[-9223372036854775808e0,9223372036854775807E0]" },
        { "\t[ true , false , null , { } , [ ] ]\r\n", "[true,false,null,{},[]]" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void writes_the_one_form(string json, string expected)
    {
        var canonical = CanonicalJson.Canonicalise(Encoding.UTF8.GetBytes(json));

        Assert.Equal(expected, Encoding.UTF8.GetString(canonical));
        Assert.Equal(canonical, CanonicalJson.Canonicalise(canonical));
    }

    [Theory]
    [InlineData("""{"a":1,"a":1}""")]
    [InlineData("""{"a":1,"\u0061":2}""")]
    [InlineData("""[{"x":{"b":1,"a":2,"b":3}}]""")]
    [InlineData("""["\ud800"]""")]
    [InlineData("""["\udc00\ud800"]""")]
    [InlineData("""["\ud800\ud800"]""")]
    [InlineData("""["\ud800x"]""")]
    [InlineData("""{"\udfff":1}""")]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}{}")]
    [InlineData("[01]")]
    [InlineData("[+1]")]
    [InlineData("[NaN]")]
    [InlineData("[1,]")]
    [InlineData("[\"\t\"]")]
    [InlineData("['a']")]
    [InlineData("\uFEFF{}")]
    public void has_no_form_for(string json)
    {
        var utf8 = Encoding.UTF8.GetBytes(json);

        Assert.False(CanonicalJson.TryCanonicalise(utf8, out _, out var fault));
        Assert.NotEmpty(fault);
        Assert.Equal(fault, CanonicalJson.FindViolation(utf8));
        Assert.Throws<FormatException>(() => CanonicalJson.Canonicalise(utf8));
    }

    [Fact]
    public void refuses_bytes_that_are_no_UTF_8()
    {
        byte[][] texts = [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]];
        foreach (var text in texts)
            Assert.False(CanonicalJson.TryCanonicalise([(byte)'"', .. text, (byte)'"'], out _, out _));
    }

    [Fact]
    public void nests_to_the_limit_and_no_deeper()
    {
        Assert.Equal(Nested(Limits.JsonDepthMax), CanonicalJson.Canonicalise(Nested(Limits.JsonDepthMax)));
        Assert.False(CanonicalJson.TryCanonicalise(Nested(Limits.JsonDepthMax + 1), out _, out _));
        Assert.False(CanonicalJson.TryCanonicalise(Nested(100_000), out _, out _));
    }

    [Theory]
    [InlineData("9007199254740991", true)]
    [InlineData("-9007199254740991", true)]
    [InlineData("9007199254740992", false)]
    [InlineData("-9007199254740992", false)]
    [InlineData("99999999999999999999", false)]
    [InlineData("0", true)]
    [InlineData("-0", false)]
    [InlineData("1.0", false)]
    [InlineData("1e3", false)]
    [InlineData("1E0", false)]
    public void knows_the_numbers_of_strict_rooms(string number, bool isCanonical)
    {
        var json = Encoding.UTF8.GetBytes($$"""{"a":[{{number}}]}""");

        Assert.Equal(isCanonical, CanonicalJson.FindViolation(json) is null);
        Assert.True(CanonicalJson.TryCanonicalise(json, out _, out _));
    }

    [Fact]
    public void sorts_many_keys_by_their_bytes()
    {
        var keys = Gen.String[0, 12].Where(IsText).HashSet[0, 60];
        keys.Sample(names =>
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(names.ToDictionary(name => name, _ => 1));
            var read = JsonDocument.Parse(CanonicalJson.Canonicalise(json)).RootElement.EnumerateObject()
                .Select(member => Encoding.UTF8.GetBytes(member.Name)).ToArray();
            Assert.Equal(names.Count, read.Length);
            for (var i = 1; i < read.Length; i++)
                Assert.True(read[i - 1].AsSpan().SequenceCompareTo(read[i]) < 0);
        });
    }

    [Fact]
    public void says_the_same_as_what_it_was_made_of()
    {
        RandomJson.Value.Sample(value =>
        {
            var written = JsonSerializer.SerializeToUtf8Bytes(value);
            var canonical = CanonicalJson.Canonicalise(written);
            Assert.True(JsonElement.DeepEquals(JsonElement.Parse(written), JsonElement.Parse(canonical)));
            Assert.Equal(canonical, CanonicalJson.Canonicalise(canonical));
            Assert.Null(CanonicalJson.FindViolation(canonical));
            var buffer = new System.Buffers.ArrayBufferWriter<byte>();
            CanonicalJson.Write(JsonElement.Parse(written), buffer);
            Assert.Equal(canonical, buffer.WrittenSpan);
        });
    }

    private static byte[] Nested(int depth) =>
        Encoding.UTF8.GetBytes(new string('[', depth) + new string(']', depth));

    private static bool IsText(string text)
    {
        try
        {
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(text);
            return true;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }
}
