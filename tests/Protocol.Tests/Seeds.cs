namespace Matrix.EventSourced.Protocol.Tests;

/// <summary>Runs a law on many seeds: TEST_RUNS says how many (200 unless told), TEST_SEED replays one.</summary>
internal static class Seeds
{
    private const int RunsUsual = 200;

    public static int Runs =>
        int.TryParse(Environment.GetEnvironmentVariable("TEST_RUNS"), out var runs) ? runs : RunsUsual;

    public static async Task ForEachAsync(Func<Random, Task> law)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("TEST_SEED"), out var only))
        {
            await law(new Random(only));
            return;
        }
        for (var seed = 1; seed <= Runs; seed++)
        {
            try
            {
                await law(new Random(seed));
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"Failed for seed {seed}; replay with TEST_SEED={seed}.", failure);
            }
        }
    }
}
