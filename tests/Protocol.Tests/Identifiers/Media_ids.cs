using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Tests.Identifiers;

public class Media_ids
{
    [Theory]
    [InlineData("a")]
    [InlineData("AQwafuaFswefuhsfAFAgsw")]
    [InlineData("0_-")]
    public void hold_what_the_spec_allows(string text) => Assert.Equal(text, MediaId.Parse(text).Value);

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../../etc/passwd")]
    [InlineData("a/b")]
    [InlineData("a%2Fb")]
    [InlineData("a b")]
    [InlineData("é")]
    [InlineData("a\0")]
    [InlineData("a=")]
    public void hold_nothing_else(string text) => Assert.False(MediaId.TryParse(text, out _));

    [Fact]
    public void are_bounded()
    {
        Assert.True(MediaId.TryParse(new string('a', Limits.IdentifierBytesMax), out _));
        Assert.False(MediaId.TryParse(new string('a', Limits.IdentifierBytesMax + 1), out _));
    }

    [Theory]
    [InlineData("mxc://example.org/abc", "example.org", "abc")]
    [InlineData("mxc://[::1]:8448/a_b-c", "[::1]:8448", "a_b-c")]
    public void are_half_of_a_uri(string text, string server, string mediaId)
    {
        Assert.True(MxcUri.TryParse(text, out var uri));
        Assert.Equal((server, mediaId), (uri.Server.Value, uri.MediaId.Value));
        Assert.Equal(text, uri.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("mxc://example.org")]
    [InlineData("mxc://example.org/")]
    [InlineData("mxc:///abc")]
    [InlineData("mxc://example.org/a/b")]
    [InlineData("mxc://example.org/../b")]
    [InlineData("mxc://exa mple/abc")]
    [InlineData("https://example.org/abc")]
    [InlineData("MXC://example.org/abc")]
    public void are_in_no_other_uri(string? text) => Assert.False(MxcUri.TryParse(text, out _));
}
