using System.Text;

namespace Matrix.EventSourced.Fuzz;

/// <summary>What a run came to: how many inputs and outcomes, and the input that broke a law, if one did.</summary>
public sealed record FuzzResult(long InputCount, int OutcomeCount, byte[]? Culprit, Exception? Failure);

/// <summary>Feeds one target mutations of its corpus.</summary>
/// <remarks>
/// An input whose outcome was not seen before joins the pool that is mutated: a cheap stand-in for coverage.
/// All follows from the seed and the number of inputs, so a failure comes again with the same seed.
/// </remarks>
public sealed class FuzzRun(IFuzzTarget target, IReadOnlyList<byte[]> corpus, int seed)
{
    private const int PoolMax = 512;

    private readonly List<byte[]> _pool = [.. corpus];
    private readonly HashSet<string> _outcomes = [];

    /// <param name="goesOn">Asked with the number of inputs so far.</param>
    public FuzzResult Run(Func<long, bool> goesOn)
    {
        var random = new Random(seed);
        var mutator = new Mutator(random, target.Dictionary);
        long count = 0;
        foreach (var input in corpus)
        {
            if (TryRun(input) is { } failure)
                return new FuzzResult(count, _outcomes.Count, input, failure);
            count++;
        }
        while (goesOn(count))
        {
            var input = mutator.Mutate(_pool[random.Next(_pool.Count)], _pool[random.Next(_pool.Count)]);
            if (TryRun(input) is { } failure)
                return new FuzzResult(count, _outcomes.Count, input, failure);
            count++;
        }
        return new FuzzResult(count, _outcomes.Count, null, null);
    }

    private Exception? TryRun(byte[] input)
    {
        try
        {
            // The outcome names no values of the input, or every input would be new.
            if (_outcomes.Add(target.Run(input)) && _pool.Count < PoolMax)
                _pool.Add(input);
            return null;
        }
        catch (Exception failure)
        {
            return failure;
        }
    }

    /// <summary>The committed inputs of a target.</summary>
    public static IReadOnlyList<byte[]> LoadCorpus(IFuzzTarget target)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "corpus", target.Name);
        return [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).SelectMany(ReadInputs)];
    }

    /// <summary>A <c>.txt</c> file holds an input per line, every other file is one input.</summary>
    private static IEnumerable<byte[]> ReadInputs(string path) => path.EndsWith(".txt", StringComparison.Ordinal)
        ? File.ReadAllLines(path).Select(Encoding.UTF8.GetBytes)
        : [File.ReadAllBytes(path)];
}
