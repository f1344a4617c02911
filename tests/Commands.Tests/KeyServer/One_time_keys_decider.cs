using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol;
using static Matrix.EventSourced.Kit.KeyServer.TestKeys;

namespace Matrix.EventSourced.Commands.Tests.KeyServer;

public sealed class One_time_keys_decider
{
    [Fact]
    public void keys_are_given_out_once_and_in_their_order()
    {
        var state = Upload(OneTimeKeysState.Initial, [OneTime("a:1"), OneTime("b:1")]);
        state = Upload(state, [OneTime("a:2")]);
        Assert.Equal([new KeyCount("a", 2), new KeyCount("b", 1)], state.Supply.Counts.ToArray());

        var (first, one) = Claim(state, "a");
        var (second, two) = Claim(first, "a");
        var (_, none) = Claim(second, "a");
        Assert.Equal(["a:1", "a:2"], [one!.KeyId, two!.KeyId]);
        Assert.Null(none);
        Assert.Equal([new KeyCount("b", 1)], second.Supply.Counts.ToArray());
    }

    [Fact]
    public void fallback_key_is_given_out_when_there_is_no_other_and_is_used_from_then_on()
    {
        var state = Upload(OneTimeKeysState.Initial, [OneTime("a:1")], [OneTime("a:f")]);
        Assert.Equal(["a"], state.Supply.UnusedFallback.ToArray());
        (state, var key) = Claim(state, "a");
        Assert.Equal("a:1", key!.KeyId);
        (state, key) = Claim(state, "a");
        Assert.Equal("a:f", key!.KeyId);
        Assert.Empty(state.Supply.UnusedFallback);

        // Again: the same one, and nothing to write.
        var (decision, again) = OneTimeKeysDecider.Claim(state, Alice, "DEV", "a");
        Assert.Equal("a:f", again!.KeyId);
        Assert.Same(Decision.Nothing, decision);
        // The same upload does not make it new.
        Assert.Empty(Upload(state, [], [OneTime("a:f")]).Supply.UnusedFallback);
        Assert.Equal(["a"], Upload(state, [], [OneTime("a:g")]).Supply.UnusedFallback.ToArray());
    }

    [Fact]
    public void same_key_again_is_nothing_and_another_of_its_id_is_refused()
    {
        var state = Upload(OneTimeKeysState.Initial, [OneTime("a:1")]);
        Assert.Same(state, Upload(state, [OneTime("a:1")]));
        Assert.Equal("M_UNKNOWN", Refusal(state, [OneTime("a:2"), OneTime("a:1", "\"other\"")]));
        // One that was given out may come again: nobody remembers it.
        Assert.Single(Upload(Claim(state, "a").State, [OneTime("a:1", "\"other\"")]).Keys);
    }

    [Fact]
    public void too_many_are_refused()
    {
        var many = Enumerable.Range(0, Limits.OneTimeKeysPerDeviceMax + 1).Select(n => OneTime($"a:{n}")).ToArray();
        Assert.Equal("M_INVALID_PARAM", Refusal(OneTimeKeysState.Initial, many));
        var full = Upload(OneTimeKeysState.Initial, many[1..]);
        Assert.Equal("M_INVALID_PARAM", Refusal(full, [many[0]]));
        Assert.Equal("M_INVALID_PARAM", Refusal(full, [], [OneTime("a:f"), OneTime("a:g")]));
    }

    [Fact]
    public void stream_is_written_as_a_whole_now_and_then_and_says_the_same()
    {
        var state = OneTimeKeysState.Initial;
        var kept = 0;
        for (var n = 0; n < 2 * Limits.OneTimeKeyRecordsMax; n++)
        {
            state = Upload(state, [OneTime($"a:{n}"), OneTime($"b:{n % 7}")], [OneTime($"a:f{n / 10}")]);
            var (decision, _) = OneTimeKeysDecider.Claim(state, Alice, "DEV", "a");
            var facts = ((Decision.Accepted)decision).Facts;
            state = facts.Aggregate(state, (before, fact) => before.Evolve(fact));
            if (facts[^1] is OneTimeKeysKept snapshot)
            {
                kept++;
                var read = OneTimeKeysState.Initial.Evolve(snapshot);
                Assert.Equal(state.Keys, read.Keys);
                Assert.Equal(state.Fallback, read.Fallback);
                Assert.Equal(1, state.Records);
            }
        }
        Assert.Equal(4, kept);
    }

    [Fact]
    public void device_that_is_gone_has_nothing()
    {
        var state = Upload(OneTimeKeysState.Initial, [OneTime("a:1")], [OneTime("a:f")]);
        state = Accept(state, OneTimeKeysDecider.Clear(state, Alice, "DEV"));
        Assert.True(state.IsEmpty);
        Assert.Null(Claim(state, "a").Key);
        Assert.Same(Decision.Nothing, OneTimeKeysDecider.Clear(state, Alice, "DEV"));
    }

    private static OneTimeKeysState Upload(
        OneTimeKeysState state, IReadOnlyList<OneTimeKey> keys, IReadOnlyList<OneTimeKey>? fallback = null)
    {
        var after = Accept(state, OneTimeKeysDecider.Upload(state, Alice, "DEV", keys, fallback ?? []));
        return after;
    }

    private static (OneTimeKeysState State, OneTimeKey? Key) Claim(OneTimeKeysState state, string algorithm)
    {
        var (decision, key) = OneTimeKeysDecider.Claim(state, Alice, "DEV", algorithm);
        return (Accept(state, decision), key);
    }

    private static string Refusal(
        OneTimeKeysState state, IReadOnlyList<OneTimeKey> keys, IReadOnlyList<OneTimeKey>? fallback = null) =>
        Assert.IsType<Decision.Refused>(
            OneTimeKeysDecider.Upload(state, Alice, "DEV", keys, fallback ?? [])).Error.ErrCode;

    /// <summary>What each fact says is left is what is left.</summary>
    private static OneTimeKeysState Accept(OneTimeKeysState state, Decision decision)
    {
        foreach (var fact in Assert.IsType<Decision.Accepted>(decision).Facts)
        {
            state = state.Evolve(fact);
            var supply = Assert.IsAssignableFrom<IOneTimeKeyFact>(fact).Supply;
            Assert.Equal(state.Supply.Counts.ToArray(), supply.Counts.ToArray());
            Assert.Equal(state.Supply.UnusedFallback.ToArray(), supply.UnusedFallback.ToArray());
        }
        return state;
    }
}
