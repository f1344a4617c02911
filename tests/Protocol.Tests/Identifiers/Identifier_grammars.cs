using System.Text;
using CsCheck;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Tests.Identifiers;

public sealed class Identifier_grammars
{
    private const string Hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    [Theory]
    [InlineData("matrix.org", true)]
    [InlineData("matrix.org:8888", true)]
    [InlineData("1.2.3.4", true)]
    [InlineData("1.2.3.4:1234", true)]
    [InlineData("[1234:5678::abcd]", true)]
    [InlineData("[1234:5678::abcd]:5678", true)]
    [InlineData("[::ffff:1.2.3.4]", true)]
    [InlineData("localhost", true)]
    [InlineData("A-b.C", true)]
    [InlineData("1.2.3", true)]
    [InlineData("", false)]
    [InlineData(":8448", false)]
    [InlineData("a:", false)]
    [InlineData("a:123456", false)]
    [InlineData("a:8a", false)]
    [InlineData("a:1:2", false)]
    [InlineData("a b", false)]
    [InlineData("a_b", false)]
    [InlineData("a/b", false)]
    [InlineData("münchen.de", false)]
    [InlineData("1.2.3.256", false)]
    [InlineData("1.2.3.0004", false)]
    [InlineData("[", false)]
    [InlineData("[]", false)]
    [InlineData("[::1", false)]
    [InlineData("[::1]a", false)]
    [InlineData("[::1%eth0]", false)]
    [InlineData("[::1/64]", false)]
    [InlineData("[1.2.3.4]", false)]
    [InlineData("::1", false)]
    [InlineData("a\0", false)]
    public void of_server_names(string text, bool isOne) => Assert.Equal(isOne, ServerName.TryParse(text, out _));

    [Theory]
    [InlineData("matrix.org", "matrix.org", null)]
    [InlineData("matrix.org:80", "matrix.org", 80)]
    [InlineData("[::1]", "[::1]", null)]
    [InlineData("[::1]:99999", "[::1]", 99999)]
    public void of_server_names_split(string text, string host, int? port)
    {
        var server = ServerName.Parse(text);
        Assert.Equal(host, server.Host.ToString());
        Assert.Equal(port, server.Port);
    }

    [Theory]
    [InlineData("@a:b", true, true)]
    [InlineData("@a.b_c=d-e/f+g0:b:8448", true, true)]
    [InlineData("@A:b", true, true)]
    [InlineData("@!#$~:b", true, true)]
    [InlineData("@:b", true, false)]
    [InlineData("@é:b", true, false)]
    [InlineData("@a b:b", true, false)]
    [InlineData("@😀:[::1]:1", true, false)]
    [InlineData("a:b", false, false)]
    [InlineData("@a", false, false)]
    [InlineData("@a:", false, false)]
    [InlineData("@a:b:c", false, false)]
    [InlineData("@a\0:b", false, false)]
    [InlineData("#a:b", false, false)]
    [InlineData("@", false, false)]
    [InlineData("", false, false)]
    public void of_user_ids(string text, bool isOne, bool isCompliant)
    {
        Assert.Equal(isOne, UserId.TryParse(text, out var userId));
        if (isOne)
            Assert.Equal(isCompliant, userId.IsCompliant);
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("a.b_c=d-e/f+0", true)]
    [InlineData("A", false)]
    [InlineData("é", false)]
    [InlineData("", false)]
    [InlineData("a:b", false)]
    [InlineData("a b", false)]
    [InlineData(null, false)]
    public void of_the_user_ids_that_we_make(string? localpart, bool isOne) =>
        Assert.Equal(isOne, UserId.TryCreateLocal(localpart, ServerName.Parse("b"), out _));

    [Theory]
    [InlineData("!a:b", true)]
    [InlineData("!:b", true)]
    [InlineData("!" + Hash, true)]
    [InlineData("!a", true)]
    [InlineData("!", false)]
    [InlineData("!a:", false)]
    [InlineData("$a:b", false)]
    [InlineData("!a\0", false)]
    public void of_room_ids(string text, bool isOne) => Assert.Equal(isOne, RoomId.TryParse(text, out _));

    [Theory]
    [InlineData("$a:b", true)]
    [InlineData("$" + Hash, true)]
    [InlineData("$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk", true)]
    [InlineData("$", false)]
    [InlineData("a", false)]
    [InlineData("!a", false)]
    public void of_event_ids(string text, bool isOne) => Assert.Equal(isOne, EventId.TryParse(text, out _));

    [Theory]
    [InlineData("#a:b", true)]
    [InlineData("#é b:b", true)]
    [InlineData("#a", false)]
    [InlineData("@a:b", false)]
    public void of_room_aliases(string text, bool isOne) => Assert.Equal(isOne, RoomAlias.TryParse(text, out _));

    [Fact]
    public void end_at_255_bytes()
    {
        Assert.True(UserId.TryParse("@" + new string('a', 252) + ":b", out _));
        Assert.False(UserId.TryParse("@" + new string('a', 253) + ":b", out _));
        Assert.True(UserId.TryParse("@" + new string('é', 126) + ":b", out _));
        Assert.False(UserId.TryParse("@" + new string('é', 126) + "a:b", out _));
        Assert.False(EventId.TryParse("$" + new string('a', 255), out _));
        Assert.False(UserId.TryParse("@\uD800:b", out _));
        Assert.False(EventId.TryParse("$\uDC00", out _));
    }

    [Fact]
    public void give_back_what_they_took_and_never_throw()
    {
        const string alphabet = "@#!$aZ0:[].%é\uD83D\uDE00\0 -_/+";
        Gen.Int[0, alphabet.Length - 1].Array[0, 12].Sample(picks =>
        {
            var text = string.Concat(picks.Select(pick => alphabet[pick]));
            if (UserId.TryParse(text, out var userId))
                Assert.Equal(text, $"@{userId.Localpart}:{userId.Server}");
            if (RoomAlias.TryParse(text, out var alias))
                Assert.Equal(text, $"#{alias.Localpart}:{alias.Server}");
            if (ServerName.TryParse(text, out var server))
                Assert.Equal(text, server.Port is null ? server.Host.ToString() : text);
            if (RoomId.TryParse(text, out var roomId))
                Assert.Equal(text, roomId.Value);
            if (EventId.TryParse(text, out var eventId))
                Assert.Equal(text, eventId.Value);
            if (KeyId.TryParse(text, out var keyId))
                Assert.Equal(text, keyId.Value);
        });
    }

    [Fact]
    public void order_as_their_bytes_do()
    {
        Gen.Select(Text(), Text()).Sample((left, right) =>
        {
            var expected = Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
            Assert.Equal(Math.Sign(expected), Math.Sign(Utf8Order.Compare(left, right)));
        });
    }

    private static Gen<string> Text()
    {
        string[] letters = ["a", "b", "é", "\uD7FF", "\uE000", "\uFFFD", "😀", "😁", "\U0010FFFF"];
        return Gen.Int[0, letters.Length - 1].Array[0, 4]
            .Select(picks => string.Concat(picks.Select(pick => letters[pick])));
    }
}
