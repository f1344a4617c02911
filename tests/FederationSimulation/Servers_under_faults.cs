namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>A few seeds with each test run; more by hand: <c>./dev fedsim 1 300</c>.</summary>
public sealed class Servers_under_faults
{
    private const int SeedsPerPart = 15;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void servers_end_with_the_same_rooms(int part)
    {
        for (var seed = part * 10_000; seed < (part * 10_000) + SeedsPerPart; seed++)
            FederationSimulation.Run(seed);
    }

    /// <summary>308: a redaction that came redacted. 5254: a gap behind a soft-failed PDU. 6178: a server that left while it
    /// fetched a state, and took the rest for what there was. 6293: a PDU beside a join, as deep as what is before it. 20084,
    /// 20135 and 20249: history that was fetched, and what is as deep taken for news after that.</summary>
    [Theory]
    [InlineData(308)]
    [InlineData(5254)]
    [InlineData(6178)]
    [InlineData(6293)]
    [InlineData(20084)]
    [InlineData(20135)]
    [InlineData(20249)]
    public void seeds_that_failed_once(int seed) => FederationSimulation.Run(seed, hasEdus: false);

    /// <summary>A storage that refused what was fetched of a state: the rest was taken for all of it.</summary>
    [Fact]
    public void seed_that_failed_with_edus() => FederationSimulation.Run(214);

    [Fact]
    public void a_seed_is_one_run() => Assert.Equal(FederationSimulation.Run(5).Transcript, FederationSimulation.Run(5).Transcript);
}
