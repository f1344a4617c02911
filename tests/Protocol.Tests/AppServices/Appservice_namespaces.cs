using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Tests.AppServices;

public class Appservice_namespaces
{
    private static readonly AppserviceSet Services = new(
    [
        Service("irc", [Namespace("@_irc_.*", true)], [Namespace("#_irc_.*:hs", true)]),
        Service("log", [Namespace("@.*", false)], [Namespace("#.*", false)]),
    ]);

    [Theory]
    [InlineData("@_irc_.*", "@_irc_bob:hs", true)]
    [InlineData("_irc_", "@_irc_bob:hs", false)]
    [InlineData("@_irc", "@_irc_bob:hs", true)]
    [InlineData("@a|@b", "@bob:hs", true)]
    [InlineData("^@_irc_[a-z]+:hs$", "@_irc_bob:hs", true)]
    [InlineData("^@_irc_[a-z]+:hs$", "@_irc_Bob:hs", false)]
    public void cover_from_the_beginning(string pattern, string identifier, bool isCovered) =>
        Assert.Equal(isCovered, Namespace(pattern, false).Covers(identifier));

    [Theory]
    [InlineData("")]
    [InlineData("@(")]
    [InlineData("@)(")]
    [InlineData(@"@(a)\1")]
    [InlineData("@(?=a)b")]
    [InlineData("[z-a]")]
    public void refuse_what_cannot_be_matched_in_linear_time(string pattern)
    {
        Assert.False(AppserviceNamespace.TryCreate(pattern, false, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void take_no_time_for_patterns_that_would_make_others_backtrack() =>
        Assert.False(Namespace("@(a+)+$", false).Covers("@" + new string('a', 200) + "!"));

    [Theory]
    [InlineData("@_irc_bob:hs", "irc", null)]
    [InlineData("@_irc_bob:hs", null, ErrCodes.Exclusive)]
    [InlineData("@_irc_bob:hs", "log", null)]
    [InlineData("@bob:hs", null, null)]
    [InlineData("@bob:hs", "irc", ErrCodes.Exclusive)]
    [InlineData("@irc-bot:hs", null, ErrCodes.Exclusive)]
    [InlineData("@_irc_bob:other", null, null)]
    public void keep_others_out_of_exclusive_names(string user, string? service, string? errCode) =>
        Assert.Equal(errCode, Services.FindProblemOfUser(UserId.Parse(user), service)?.ErrCode);

    [Theory]
    [InlineData("#_irc_room:hs", "irc", null)]
    [InlineData("#_irc_room:hs", null, ErrCodes.Exclusive)]
    [InlineData("#room:hs", null, null)]
    [InlineData("#room:hs", "irc", ErrCodes.Exclusive)]
    public void keep_others_out_of_exclusive_aliases(string alias, string? service, string? errCode) =>
        Assert.Equal(errCode, Services.FindProblemOfAlias(RoomAlias.Parse(alias), service)?.ErrCode);

    [Fact]
    public void tell_services_by_their_tokens()
    {
        Assert.Equal("irc", Services.FindByToken("as-irc")?.Id);
        Assert.Null(Services.FindByToken("hs-irc"));
        Assert.Null(AppserviceSet.None.FindByToken("as-irc"));
    }

    private static AppserviceNamespace Namespace(string pattern, bool isExclusive) =>
        AppserviceNamespace.TryCreate(pattern, isExclusive, out var created, out var problem)
            ? created
            : throw new InvalidOperationException(problem);

    private static AppserviceRegistration Service(
        string id, AppserviceNamespace[] users, AppserviceNamespace[] aliases) => new()
        {
            Id = id,
            AsToken = $"as-{id}",
            HsToken = $"hs-{id}",
            Sender = UserId.Parse($"@{id}-bot:hs"),
            Users = [.. users],
            Aliases = [.. aliases],
        };
}
