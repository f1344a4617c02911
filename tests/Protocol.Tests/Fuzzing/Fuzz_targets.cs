using System.Text;
using Matrix.EventSourced.Fuzz;

namespace Matrix.EventSourced.Protocol.Tests.Fuzzing;

/// <summary>A moment of each fuzz target, so that they do not rot between the long runs of <c>./dev fuzz</c>.</summary>
public sealed class Fuzz_targets
{
    private const int InputCount = 2_000;
    private const int Seed = 20_261_124;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void hold_their_laws_for_two_thousand_inputs(string name)
    {
        var target = FuzzTargets.All.Single(candidate => candidate.Name == name);

        var result = new FuzzRun(target, FuzzRun.LoadCorpus(target), Seed).Run(count => count < InputCount);

        Assert.True(result.Culprit is null,
            $"{name}, seed {Seed}: {result.Failure}\n{Encoding.Latin1.GetString(result.Culprit ?? [])}");
        Assert.True(result.OutcomeCount > 3, $"{name} came to {result.OutcomeCount} outcomes only.");
    }
}
