using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Benchmarks.Micro;

namespace Matrix.EventSourced.Allocation.Tests;

/// <summary>The kernel's hot operations allocate no more than the committed budgets: what the benchmarks measure, counted
/// instead of timed.</summary>
/// <remarks>
/// Bytes are counted exactly, on this thread; the budgets are those of an optimised build and a tenth more, because an
/// unoptimised one makes objects of some state machines. A budget that has become far too large is a failure, too.
/// </remarks>
public sealed class Allocation_budgets
{
    private const int Repetitions = 64;

    private static readonly IReadOnlyDictionary<string, long> Budgets = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "allocation-budgets.json"))).RootElement
        .EnumerateObject().ToDictionary(budget => budget.Name, budget => budget.Value.GetInt64());

    [Fact]
    public void hot_operations_keep_to_their_budgets()
    {
        var pdus = new PduBenchmarks();
        pdus.SetUp();
        var authorisation = new AuthorisationBenchmarks();
        authorisation.SetUp();
        var json = new CanonicalJsonBenchmarks { KibiBytes = 1 };
        json.SetUp();
        var measured = new Dictionary<string, long>
        {
            ["pdu.build_and_sign"] = Measure(() => pdus.BuildAndSign()),
            ["pdu.parse"] = Measure(() => pdus.Parse()),
            ["pdu.parse_stored"] = Measure(() => pdus.ParseStored()),
            ["pdu.parse_and_verify"] = Measure(() => pdus.ParseAndVerify()),
            ["pdu.redact_and_reference_hash"] = Measure(() => pdus.RedactAndReferenceHash()),
            ["auth.message"] = Measure(() => authorisation.MessageWithPowerLevelsParsed()),
            ["json.canonicalise_1_kib"] = Measure(() => json.Canonicalise()),
        };

        var wrong = measured
            .Where(entry => entry.Value > Budgets[entry.Key] || entry.Value < Budgets[entry.Key] / 2)
            .Select(entry => string.Create(
                CultureInfo.InvariantCulture, $"{entry.Key}: {entry.Value} bytes, budget {Budgets[entry.Key]}"));
        Assert.Empty(wrong);
        Assert.Equal(Budgets.Keys.Order(StringComparer.Ordinal), measured.Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>Bytes of one call, once everything that is made only once was made.</summary>
    private static long Measure<T>(Func<T> operation)
    {
        for (var i = 0; i < Repetitions; i++)
            operation();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Repetitions; i++)
            operation();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Repetitions;
    }
}
