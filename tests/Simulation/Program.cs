using System.Globalization;
using Matrix.EventSourced.Facts.Roomserver;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary><c>./dev sim SEED [COUNT]</c>: runs seeds from the given one on and says what they did.</summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        if (!TryRead(arguments, 0, null, out var first) || !TryRead(arguments, 1, 1, out var count))
        {
            Console.Error.WriteLine("usage: ./dev sim SEED [COUNT]");
            return 2;
        }
        var failed = 0;
        var (facts, acknowledged, faults, crashes) = (0, 0, 0, 0);
        var dispositions = new SortedDictionary<PduDisposition, int>();
        for (var seed = first; seed < first + count; seed++)
        {
            try
            {
                var result = Simulation.Run(seed);
                facts += result.Facts;
                acknowledged += result.Acknowledged;
                faults += result.Faults;
                crashes += result.Crashes;
                foreach (var (disposition, many) in result.Dispositions)
                    dispositions[disposition] = dispositions.GetValueOrDefault(disposition) + many;
            }
            catch (SimulationFailure failure)
            {
                failed++;
                Console.WriteLine(failure.Message);
            }
        }
        var kinds = string.Join(", ", dispositions.Select(entry => $"{entry.Value} {entry.Key}"));
        Console.WriteLine(
            $"{count} seeds from {first}: {facts} facts ({kinds}), {acknowledged} acknowledged, "
            + $"{faults} failed appends, {crashes} crashes; {failed} seeds failed");
        return failed == 0 ? 0 : 1;
    }

    private static bool TryRead(string[] arguments, int index, int? fallback, out int value)
    {
        value = fallback ?? 0;
        return arguments.Length > index
            ? int.TryParse(arguments[index], NumberStyles.None, CultureInfo.InvariantCulture, out value)
            : fallback is not null;
    }
}
