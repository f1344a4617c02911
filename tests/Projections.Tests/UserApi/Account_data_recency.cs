using System.Globalization;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.UserApi;

public class Account_data_recency
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly UserId Bob = UserId.Parse("@bob:hs");

    private readonly AccountDataRecency _recency = new();

    [Fact]
    public void knows_nothing_before_it_begins() => Assert.True(_recency.MayHaveChanged(Alice, new LogPosition(9)));

    [Fact]
    public void tells_whose_data_changed_after_a_position()
    {
        _recency.BeginAt(new LogPosition(10));
        _recency.Note(Alice, new LogPosition(20));

        Assert.True(_recency.MayHaveChanged(Alice, new LogPosition(19)));
        Assert.False(_recency.MayHaveChanged(Alice, new LogPosition(20)));
        Assert.False(_recency.MayHaveChanged(Bob, new LogPosition(10)));
        Assert.True(_recency.MayHaveChanged(Bob, new LogPosition(9)));

        _recency.Note(Alice, new LogPosition(30));
        Assert.True(_recency.MayHaveChanged(Alice, new LogPosition(29)));
    }

    [Fact]
    public void begins_anew_when_there_are_too_many_users()
    {
        _recency.BeginAt(LogPosition.Start);
        ulong position = 0;
        for (var i = 0; i <= AccountDataRecency.UsersMax; i++)
            _recency.Note(
                UserId.Parse(string.Create(CultureInfo.InvariantCulture, $"@u{i}:hs")), new LogPosition(++position));
        Assert.True(_recency.MayHaveChanged(Bob, LogPosition.Start));
        Assert.False(_recency.MayHaveChanged(Bob, new LogPosition(position)));
    }
}
