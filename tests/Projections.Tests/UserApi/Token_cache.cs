using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.UserApi;

public class Token_cache
{
    private static readonly TokenOwner Owner = new(UserId.Parse("@alice:hs"), "D", false, false, null);

    private readonly TokenCache _cache = new();

    [Fact]
    public void keeps_an_owner_until_the_token_ends()
    {
        _cache.Add("token", Owner, _cache.Slot("token"));
        Assert.Same(Owner, _cache.Find("token"));
        _cache.Remove("token");
        Assert.Null(_cache.Find("token"));
    }

    [Fact]
    public void does_not_keep_an_owner_that_was_read_before_the_token_ended()
    {
        var before = _cache.Slot("token");
        _cache.Remove("token");
        _cache.Add("token", Owner, before);
        Assert.Null(_cache.Find("token"));
    }

    [Fact]
    public void does_not_keep_an_owner_that_was_read_before_everything_was_forgotten()
    {
        var before = _cache.Slot("token");
        _cache.Clear();
        _cache.Add("token", Owner, before);
        Assert.Null(_cache.Find("token"));
    }

    [Fact]
    public void keeps_nothing_while_the_tables_are_behind()
    {
        _cache.Add("a", Owner, _cache.Slot("a"));
        _cache.Suspend();
        _cache.Add("b", Owner, _cache.Slot("b"));
        Assert.Null(_cache.Find("a"));
        Assert.Null(_cache.Find("b"));
        _cache.Resume();
        _cache.Add("b", Owner, _cache.Slot("b"));
        Assert.Same(Owner, _cache.Find("b"));
    }

    [Fact]
    public void keeps_what_is_asked_for_and_drops_the_rest()
    {
        _cache.Add("used", Owner, _cache.Slot("used"));
        _cache.Add("unused", Owner, _cache.Slot("unused"));
        for (var i = 0; i < 2 * TokenCache.GenerationMax; i++)
        {
            var token = $"token {i}";
            _cache.Add(token, Owner, _cache.Slot(token));
            if (i % 1000 == 0)
                Assert.Same(Owner, _cache.Find("used"));
        }
        Assert.Same(Owner, _cache.Find("used"));
        Assert.Null(_cache.Find("unused"));
    }

    [Fact]
    public void forgets_a_token_of_the_old_generation()
    {
        _cache.Add("token", Owner, _cache.Slot("token"));
        for (var i = 0; i < TokenCache.GenerationMax; i++)
            _cache.Add($"{i}", Owner, _cache.Slot($"{i}"));
        _cache.Remove("token");
        Assert.Null(_cache.Find("token"));
    }
}
