using System.Globalization;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary><c>./dev fedsim SEED [COUNT]</c>: runs seeds from the given one on and says what they did.</summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        if (!TryRead(arguments, 0, null, out var first) || !TryRead(arguments, 1, 1, out var count))
        {
            Console.Error.WriteLine("usage: ./dev fedsim SEED [COUNT]");
            return 2;
        }
        var results = new List<FederationResult>();
        for (var seed = first; seed < first + count; seed++)
        {
            try
            {
                results.Add(FederationSimulation.Run(seed));
                if (count == 1)
                    Console.WriteLine($"seed {seed}: transcript {results[0].Transcript}");
            }
            catch (SimulationFailure failure)
            {
                Console.WriteLine(failure.Message);
            }
        }
        Console.WriteLine(Summary(first, count, results));
        return results.Count == count ? 0 : 1;
    }

    private static string Summary(int first, int count, List<FederationResult> results)
    {
        int Sum(Func<FederationResult, int> of) => results.Sum(of);
        var kinds = string.Join(", ", Enum.GetValues<PduDisposition>()
            .Select(kind => $"{Sum(result => result.Dispositions.GetValueOrDefault(kind))} {kind}"));
        return string.Create(CultureInfo.InvariantCulture, $"""
            {count} seeds from {first}: {Sum(result => result.Servers)} servers, {Sum(result => result.Facts)} facts ({kinds}),
            {Sum(result => result.Acknowledged)} acknowledged; {Sum(result => result.Requests)} requests, {Sum(result => result.Lost)} lost,
            {Sum(result => result.Repeated)} repeated by the network, {Sum(result => result.Retries)} transactions sent again;
            {Sum(result => result.Crashes)} crashes, {Sum(result => result.KeyRotations)} new keys, {Sum(result => result.Byzantine)} byzantine PDUs;
            {Sum(result => result.SharedRooms)} rooms held alike by {Sum(result => result.SharedBy)} servers, {Sum(result => result.Exiled)} left out, {Sum(result => result.Apart)} held apart by soft failures;
            {Sum(result => result.EdusSent)} EDUs sent, {Sum(result => result.ToDevice)} messages to devices, {Sum(result => result.HostileEdus)} byzantine EDUs;
            {count - results.Count} seeds failed
            """);
    }

    private static bool TryRead(string[] arguments, int index, int? fallback, out int value)
    {
        value = fallback ?? 0;
        return arguments.Length > index
            ? int.TryParse(arguments[index], NumberStyles.None, CultureInfo.InvariantCulture, out value)
            : fallback is not null;
    }
}
