using System.Text;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Http;

public sealed class JsonBodyTests
{
    [Theory]
    [InlineData("{")]
    [InlineData("nope")]
    [InlineData("{\"a\":1}x")]
    [InlineData("{\"a\":\"\\ud800\"")]
    [InlineData("{\"a\":\"\\u12\"}")]
    [InlineData("{\"a\":01}")]
    [InlineData("{'a':1}")]
    [InlineData("{\"a\":NaN}")]
    [InlineData(" ")]
    [InlineData("")]
    [InlineData("\\")]
    public void calls_what_is_no_json_not_json(string body) =>
        Assert.Equal("M_NOT_JSON", Error(Encoding.UTF8.GetBytes(body)));

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"{}\"")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{\"a\":1,\"\\u0061\":2}")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"a\":\"\\ud800\\n\"}")]
    [InlineData("{\"a\":\"\\udc00\"}")]
    [InlineData("{\"a\":\"\\ud800\\ud800\"}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{\"a\":\"\\u0000\"}")]
    public void calls_json_that_it_cannot_keep_bad_json(string body) =>
        Assert.Equal("M_BAD_JSON", Error(Encoding.UTF8.GetBytes(body)));

    [Theory]
    [InlineData(100, null)]
    [InlineData(101, "M_BAD_JSON")]
    [InlineData(50_000, "M_BAD_JSON")]
    public void bounds_the_nesting(int depth, string? error)
    {
        var body = new StringBuilder("{\"a\":").Insert(5, "[", depth - 1).Append(']', depth - 1).Append('}').ToString();
        Assert.Equal(error, Error(Encoding.UTF8.GetBytes(body)));
    }

    [Fact]
    public void refuses_bytes_that_are_no_utf8() =>
        Assert.Equal("M_NOT_JSON", Error([.. "{\"a\":\""u8, 0xFF, .. "\"}"u8]));

    [Theory]
    [InlineData("{\"a\":\"\\ud83d\\ude00\"}", "😀")]
    [InlineData("{\"a\":\"\\\\u0000 \\\\ud800\"}", "\\u0000 \\ud800")]
    [InlineData("{\"a\":\"😀\"}", "😀")]
    public void reads_what_is_well_formed(string body, string value)
    {
        var (element, error) = JsonBody.Parse(Encoding.UTF8.GetBytes(body), nulAllowed: false, emptyAllowed: false);
        Assert.Null(error);
        Assert.Equal(value, element.GetProperty("a").GetString());
    }

    [Fact]
    public void keeps_nul_where_the_body_is_kept_verbatim()
    {
        var (element, error) = JsonBody.Parse("{\"a\":\"\\u0000\"}"u8, nulAllowed: true, emptyAllowed: false);
        Assert.Null(error);
        Assert.Equal("\0", element.GetProperty("a").GetString());
    }

    private static string? Error(byte[] body) =>
        JsonBody.Parse(body, nulAllowed: false, emptyAllowed: false).Error?.ErrCode;
}
