using System.Text.Json;
using CsCheck;
using Matrix.EventSourced.Commands.KeyServer.KeyBackup;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.KeyServer.KeyBackup;

public class Key_backup_decider
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly RawJson Auth = RawJson.FromText("""{"public_key":"a"}""");

    [Fact]
    public void counts_versions_from_one_and_never_gives_one_out_again()
    {
        Then(KeyBackupDecider.Create(Given(), Alice, "alg", Auth), Created(1));
        Then(
            KeyBackupDecider.Create(Given(Created(1), Created(2), Deleted(2)), Alice, "alg", Auth),
            Created(3));
    }

    [Fact]
    public void refuses_more_backups_than_a_user_may_have()
    {
        var many = Given([.. Enumerable.Range(1, KeyBackupLimits.BackupsMax).Select(version => Created(version))]);
        Refuses(ErrCodes.Forbidden, KeyBackupDecider.Create(many, Alice, "alg", Auth));
    }

    [Fact]
    public void changes_the_authentication_data_and_nothing_else()
    {
        var other = RawJson.FromText("""{"public_key":"b"}""");
        Then(KeyBackupDecider.Change(Given(Created(1)), Alice, 1, "alg", other), new KeyBackupChanged(Alice, 1, other));
        Then(KeyBackupDecider.Change(Given(Created(1)), Alice, 1, "alg", Auth));
        Refuses(ErrCodes.InvalidParam, KeyBackupDecider.Change(Given(Created(1)), Alice, 1, "other", other));
        Refuses(ErrCodes.NotFound, KeyBackupDecider.Change(Given(Created(1)), Alice, 2, "alg", other));
        Refuses(ErrCodes.NotFound, KeyBackupDecider.Change(Given(Created(1), Deleted(1)), Alice, 1, "alg", other));
    }

    [Fact]
    public void deletes_a_backup_once_and_knows_which_ones_there_were()
    {
        Then(KeyBackupDecider.Delete(Given(Created(1)), Alice, 1), Deleted(1));
        Then(KeyBackupDecider.Delete(Given(Created(1), Deleted(1)), Alice, 1));
        Refuses(ErrCodes.NotFound, KeyBackupDecider.Delete(Given(Created(1)), Alice, 2));
        Refuses(ErrCodes.NotFound, KeyBackupDecider.Delete(Given(), Alice, 0));
    }

    [Fact]
    public void lets_keys_into_the_newest_backup_only()
    {
        var state = Given(Created(1), Created(2));
        Assert.Null(KeyBackupDecider.FindProblemOfWriting(state, 2));
        var wrong = KeyBackupDecider.FindProblemOfWriting(state, 1)!;
        Assert.Equal((403, ErrCodes.WrongRoomKeysVersion), (wrong.Status, wrong.ErrCode));
        Assert.Equal(new("current_version", "\"2\""), Assert.Single(wrong.Extra));
        Assert.Equal(ErrCodes.NotFound, KeyBackupDecider.FindProblemOfWriting(state, 3)!.ErrCode);
        Assert.Null(KeyBackupDecider.FindProblemOfWriting(Given(Created(1), Created(2), Deleted(2)), 1));
    }

    [Theory]
    [InlineData(true, 5, 5, false, 0, 0, true)]
    [InlineData(false, 0, 0, true, 5, 5, false)]
    [InlineData(true, 1, 9, true, 2, 0, true)]
    [InlineData(true, 2, 0, true, 1, 9, false)]
    [InlineData(false, 1, 1, false, 1, 2, true)]
    [InlineData(false, 1, 1, false, 1, 1, false)]
    public void keeps_the_better_key(bool v1, long i1, long c1, bool v2, long i2, long c2, bool isBetter) =>
        Assert.Equal(isBetter, new BackupKeyWorth(v1, i1, c1).IsBetterThan(new BackupKeyWorth(v2, i2, c2)));

    [Fact]
    public void of_two_different_keys_exactly_one_is_better()
    {
        var worth = Gen.Select(Gen.Bool, Gen.Long[0, 2], Gen.Long[0, 2]).Select(t => new BackupKeyWorth(t.Item1, t.Item2, t.Item3));
        Gen.Select(worth, worth).Sample(
            pair => pair.Item1 == pair.Item2
                ? !pair.Item1.IsBetterThan(pair.Item2)
                : pair.Item1.IsBetterThan(pair.Item2) != pair.Item2.IsBetterThan(pair.Item1),
            iter: 200);
    }

    [Fact]
    public void makes_no_fact_of_keys_that_are_no_better_than_what_is_there()
    {
        var known = new Dictionary<BackupKeyId, BackupKeyWorth>
        {
            [new("!r", "same")] = new(true, 1, 1),
            [new("!r", "worse")] = new(true, 0, 0),
            [new("!r", "better")] = new(false, 1, 1),
        };
        BackedUpKey[] offered = [Key("same"), Key("worse"), Key("better"), Key("new")];
        var fact = Assert.Single(KeyBackupDecider.Store(Alice, 1, offered, known));
        Assert.Equal(["better", "new"], fact.Keys.Select(key => key.SessionId));
        Assert.Empty(KeyBackupDecider.Store(Alice, 1, [Key("same")], known));
    }

    [Fact]
    public void puts_many_keys_into_few_facts_of_a_bounded_size()
    {
        var data = RawJson.FromText(JsonSerializer.Serialize(new string('x', 1_500)));
        var offered = Enumerable.Range(0, 200).Select(n => Key($"s{n}") with { SessionData = data }).ToList();
        var facts = KeyBackupDecider.Store(Alice, 1, offered, new Dictionary<BackupKeyId, BackupKeyWorth>());
        Assert.InRange(facts.Length, 2, 3);
        Assert.Equal(offered, facts.SelectMany(fact => fact.Keys));
        Assert.All(facts, fact => Assert.InRange(FactCodec.Encode(fact).Data.Length, 1, KeyBackupLimits.FactBytesMax));
    }

    private static BackedUpKey Key(string session) => new("!r", session, true, 1, 1, RawJson.FromText("{}"));

    private static KeyBackupCreated Created(long version) => new(Alice, version, "alg", Auth);

    private static KeyBackupDeleted Deleted(long version) => new(Alice, version);

    private static KeyBackupState Given(params IFact[] facts) =>
        facts.Aggregate(KeyBackupState.Initial, (state, fact) => state.Evolve(fact));

    private static void Then(Decision decision, params IFact[] facts) =>
        Assert.Equal(facts, Assert.IsType<Decision.Accepted>(decision).Facts);

    private static void Refuses(string errCode, Decision decision) =>
        Assert.Equal(errCode, Assert.IsType<Decision.Refused>(decision).Error.ErrCode);
}
