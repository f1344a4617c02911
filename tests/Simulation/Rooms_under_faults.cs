namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>A few seeds with each test run; more by hand: <c>./dev sim 1 200</c>.</summary>
public sealed class Rooms_under_faults
{
    private const int SeedsPerPart = 30;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void the_log_says_what_its_pdus_say(int part)
    {
        for (var seed = part * 1_000; seed < (part * 1_000) + SeedsPerPart; seed++)
            Simulation.Run(seed);
    }

    [Fact]
    public void a_seed_is_one_run() => Assert.Equal(Simulation.Run(5).Log, Simulation.Run(5).Log);
}
