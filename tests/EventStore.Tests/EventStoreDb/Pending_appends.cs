using Matrix.EventSourced.EventStore.EventStoreDb;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>In what order appends in flight are answered and sent again.</summary>
public sealed class Pending_appends
{
    private static readonly AppendResult Done = new AppendResult.Appended(1, new LogPosition(1));
    private static readonly AppendResult Conflict = new AppendResult.Conflict(7);

    private readonly PendingAppends _pending = new();

    [Fact]
    public void answers_in_any_order_are_given_at_once()
    {
        var (one, two) = (Add("a"), Add("a"));

        Assert.Equal([(two, Done)], _pending.Settle(two.Number, Done));
        Assert.Equal([(one, Done)], _pending.Settle(one.Number, Done));
        Assert.Equal(0, _pending.Count);
    }

    [Fact]
    public void conflict_waits_for_the_earlier_appends_of_its_stream()
    {
        var (one, other, two, three) = (Add("a"), Add("b"), Add("a"), Add("a"));

        Assert.Empty(_pending.Settle(two.Number, Conflict));
        Assert.Empty(_pending.Settle(three.Number, Conflict));
        Assert.Equal([(other, Conflict)], _pending.Settle(other.Number, Conflict));
        Assert.Equal([(one, Done), (two, Conflict), (three, Conflict)], _pending.Settle(one.Number, Done));
    }

    [Fact]
    public void conflict_is_forgotten_when_everything_is_sent_again()
    {
        var (one, two) = (Add("a"), Add("a"));
        _pending.Settle(two.Number, Conflict);

        Assert.Equal([one, two], _pending.TakeUp());

        Assert.Equal([(one, Done)], _pending.Settle(one.Number, Done));
        Assert.Equal([(two, Done)], _pending.Settle(two.Number, Done));
    }

    [Fact]
    public void refused_append_lets_the_later_ones_be_answered()
    {
        var (one, two) = (Add("a"), Add("a"));
        _pending.Settle(two.Number, Conflict);

        Assert.Equal([(two, Conflict)], _pending.Drop(one));
    }

    [Fact]
    public void second_answer_to_the_same_append_is_nothing()
    {
        var one = Add("a");
        _pending.Settle(one.Number, Done);

        Assert.Empty(_pending.Settle(one.Number, Conflict));
    }

    private PendingAppend Add(string stream)
    {
        var append = new PendingAppend(new StreamName("room", stream), [], new BatchAppendReq());
        _pending.Add(append);
        return append;
    }
}
