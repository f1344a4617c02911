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
    /// fetched a state, and took the rest for what there was. 6293: a PDU beside a join, as deep as what is before it.</summary>
    [Theory]
    [InlineData(308)]
    [InlineData(5254)]
    [InlineData(6178)]
    [InlineData(6293)]
    public void seeds_that_failed_once(int seed) => FederationSimulation.Run(seed, hasEdus: false);

    [Fact]
    public void a_seed_is_one_run() => Assert.Equal(FederationSimulation.Run(5).Transcript, FederationSimulation.Run(5).Transcript);
}
