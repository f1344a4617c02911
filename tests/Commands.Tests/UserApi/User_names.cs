using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using static Matrix.EventSourced.Commands.Tests.UserApi.UserApiWorld;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class User_names
{
    [Theory]
    [InlineData("alice", "@alice:hs")]
    [InlineData("Alice", "@alice:hs")]
    [InlineData("a._=-/+9", "@a._=-/+9:hs")]
    public void are_taken_with_small_letters(string username, string expected)
    {
        Assert.Null(Usernames.TryDesired(username, Server, out var userId));
        Assert.Equal(expected, userId.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("@alice:hs")]
    [InlineData("ä")]
    [InlineData("12345")]
    public void outside_the_grammar_are_refused(string username) =>
        Assert.Equal(ErrCodes.InvalidUsername, Usernames.TryDesired(username, Server, out _)?.ErrCode);

    [Fact]
    public void may_fill_255_bytes_of_the_user_id()
    {
        Assert.Null(Usernames.TryDesired(new string('a', 251), Server, out _));
        Assert.Equal(ErrCodes.InvalidUsername, Usernames.TryDesired(new string('a', 252), Server, out _)?.ErrCode);
    }

    [Theory]
    [InlineData("alice", true)]
    [InlineData("@alice:hs", true)]
    [InlineData("@Alice:hs", true)]
    [InlineData("@alice:elsewhere", false)]
    [InlineData("@", false)]
    [InlineData("", false)]
    public void identify_users_of_this_server_only(string text, bool isOurs)
    {
        Assert.Equal(isOurs, Usernames.TryExisting(text, Server, out var userId));
        if (isOurs)
            Assert.Equal(Alice, userId);
    }

    [Fact]
    public void are_generated_within_the_grammar()
    {
        var random = new CountingRandom();
        var user = Usernames.Generate(random, Server);
        Assert.Null(Usernames.TryDesired(user.Localpart.ToString(), Server, out _));
        Assert.Matches("^@[0-9]{15}:hs$", Usernames.GenerateGuest(random, Server).Value);
    }
}
