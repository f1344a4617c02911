using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.MediaApi;

public class Media_decider
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly UserId Bob = UserId.Parse("@bob:hs");
    private static readonly ServerName Other = ServerName.Parse("other.org");
    private static readonly MediaId Id = MediaId.Parse("abc");
    private static readonly MediaCreated Created = new(Id, Alice, 1_000);
    private static readonly MediaUploaded Uploaded = new(Id, "aa", 3, "text/plain", null, Alice);
    private static readonly MediaRemoved Removed = new(Id, MediaRemoval.Deleted);

    [Fact]
    public void an_id_is_filled_once_by_whom_it_was_given_to()
    {
        Assert.Equal("M_NOT_FOUND", Refusal(MediaDecider.Fill(After(), Uploaded, Alice, 1)));
        Assert.Equal([Uploaded], Facts(MediaDecider.Fill(After(Created), Uploaded, Alice, 999)));
        Assert.Equal("M_FORBIDDEN", Refusal(MediaDecider.Fill(After(Created), Uploaded, Bob, 1)));
        Assert.Equal("M_CANNOT_OVERWRITE_MEDIA", Refusal(MediaDecider.Fill(After(Created, Uploaded), Uploaded, Alice, 1)));
        Assert.Equal(
            "M_CANNOT_OVERWRITE_MEDIA", Refusal(MediaDecider.Fill(After(Created, Uploaded, Removed), Uploaded, Alice, 1)));
    }

    [Fact]
    public void an_id_expires_at_its_time()
    {
        Assert.Null(MediaDecider.FindProblem(After(Created), Alice, 999));
        Assert.Equal("M_NOT_FOUND", MediaDecider.FindProblem(After(Created), Alice, 1_000)?.ErrCode);
        // What was uploaded in time does not expire.
        Assert.Equal("M_CANNOT_OVERWRITE_MEDIA", MediaDecider.FindProblem(After(Created, Uploaded), Alice, 2_000)?.ErrCode);
    }

    [Fact]
    public void a_copy_is_recorded_once_and_again_after_it_went()
    {
        var cached = new RemoteMediaCached(Other, Id, "aa", 3, "text/plain");
        Assert.Equal([cached], Facts(MediaDecider.Cache(After(), cached)));
        Assert.Empty(Facts(MediaDecider.Cache(After(cached), cached)));
        Assert.Equal([cached], Facts(MediaDecider.Cache(After(cached, Removed), cached)));
        Assert.Equal([cached with { Sha256 = "bb" }], Facts(MediaDecider.Cache(After(cached), cached with { Sha256 = "bb" })));
    }

    [Fact]
    public void only_what_is_there_is_removed()
    {
        Assert.Equal("M_NOT_FOUND", Refusal(MediaDecider.Remove(After(), Removed)));
        Assert.Equal("M_NOT_FOUND", Refusal(MediaDecider.Remove(After(Created), Removed)));
        Assert.Equal([Removed], Facts(MediaDecider.Remove(After(Uploaded), Removed)));
        Assert.Equal("M_NOT_FOUND", Refusal(MediaDecider.Remove(After(Uploaded, Removed), Removed)));
    }

    [Fact]
    public void another_server_s_media_can_be_quarantined_before_it_comes()
    {
        var own = new MediaQuarantined(Id, true);
        var remote = new MediaQuarantined(Id, true, Other);
        Assert.Equal("M_NOT_FOUND", Refusal(MediaDecider.Quarantine(After(), own)));
        Assert.Equal([own], Facts(MediaDecider.Quarantine(After(Uploaded), own)));
        Assert.Equal([remote], Facts(MediaDecider.Quarantine(After(), remote)));
        Assert.Empty(Facts(MediaDecider.Quarantine(After(remote), remote)));
        Assert.Empty(Facts(MediaDecider.Quarantine(After(Uploaded), own with { IsQuarantined = false })));
    }

    private static MediaState After(params IFact[] facts) =>
        facts.Aggregate(MediaState.Initial, (state, fact) => state.Evolve(fact));

    private static string Refusal(Decision decision) => Assert.IsType<Decision.Refused>(decision).Error.ErrCode;

    private static IEnumerable<IFact> Facts(Decision decision) => Assert.IsType<Decision.Accepted>(decision).Facts;
}
