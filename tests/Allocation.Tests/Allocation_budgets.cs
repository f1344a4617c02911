using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Benchmarks.Micro;

namespace Matrix.EventSourced.Allocation.Tests;

/// <summary>The kernel's hot operations allocate no more than the committed budgets: what the benchmarks measure, counted
/// instead of timed.</summary>
/// <remarks>
/// Bytes are counted exactly, on this thread. The tests are built without optimisation, which makes objects of state
/// machines: the budgets are those of an optimised build and a tenth more, for state resolution, which has many, a third.
/// A budget that has become far too large is a failure, too.
/// </remarks>
public sealed class Allocation_budgets
{
    private const int Repetitions = 64;

    private static readonly IReadOnlyDictionary<string, long> Budgets = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "allocation-budgets.json"))).RootElement
        .EnumerateObject().ToDictionary(budget => budget.Name, budget => budget.Value.GetInt64());

    [Fact]
    public async Task hot_operations_keep_to_their_budgets()
    {
        var pdus = new PduBenchmarks();
        pdus.SetUp();
        var authorisation = new AuthorisationBenchmarks();
        authorisation.SetUp();
        var json = new CanonicalJsonBenchmarks { KibiBytes = 1 };
        json.SetUp();
        var largeJson = new CanonicalJsonBenchmarks { KibiBytes = 64 };
        largeJson.SetUp();
        var state = new StateMapBenchmarks();
        await state.SetUp();
        var resolution = new StateResolutionBenchmarks();
        await resolution.SetUp();
        var measured = new Dictionary<string, long>
        {
            ["pdu.build_and_sign"] = Measure(() => pdus.BuildAndSign()),
            ["pdu.parse"] = Measure(() => pdus.Parse()),
            ["pdu.parse_stored"] = Measure(() => pdus.ParseStored()),
            ["pdu.parse_and_verify"] = Measure(() => pdus.ParseAndVerify()),
            ["pdu.redact_and_reference_hash"] = Measure(() => pdus.RedactAndReferenceHash()),
            ["auth.message"] = Measure(() => authorisation.MessageWithPowerLevelsParsed()),
            ["json.canonicalise_1_kib"] = Measure(() => json.Canonicalise()),
            ["json.canonicalise_64_kib"] = Measure(() => largeJson.Canonicalise()),
            ["state.build_100_000"] = Measure(() => state.Build(), repetitions: 1),
            ["state.update_one_of_100_000"] = Measure(() => Completed(state.UpdateOne())),
            ["state.difference_of_10_in_100_000"] = Measure(() => Completed(state.DifferenceOfTen())),
            ["resolution.100_of_100_000"] = Measure(
                () => Completed(resolution.ResolveForTheFirstTime()), repetitions: 4),
        };

        var wrong = measured
            .Where(entry => entry.Value > Budgets[entry.Key] || entry.Value < Budgets[entry.Key] / 2)
            .Select(entry => string.Create(
                CultureInfo.InvariantCulture, $"{entry.Key}: {entry.Value} bytes, budget {Budgets[entry.Key]}"));
        Assert.Empty(wrong);
        Assert.Equal(Budgets.Keys.Order(StringComparer.Ordinal), measured.Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>Bytes of one call, once everything that is made only once was made.</summary>
    private static long Measure<T>(Func<T> operation, int repetitions = Repetitions)
    {
        for (var i = 0; i < repetitions; i++)
            operation();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < repetitions; i++)
            operation();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / repetitions;
    }

    /// <summary>What is in memory is answered without waiting, so that this thread allocates all of it.</summary>
    private static T Completed<T>(Task<T> task)
    {
        Assert.True(task.IsCompletedSuccessfully);
        return task.GetAwaiter().GetResult();
    }
}
