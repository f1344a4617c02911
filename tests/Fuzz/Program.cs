using System.Diagnostics;
using System.Globalization;
using System.Text;
using Matrix.EventSourced.Fuzz;

const string Usage = """
    Fuzz <target|all> <seconds> [seed]     mutates the corpus of a target for so long
    Fuzz <target> --input <file>           runs one input
    """;

if (args.Length < 2)
    return Fail(Usage + "\nTargets: " + string.Join(", ", FuzzTargets.All.Select(target => target.Name)));

var targets = FuzzTargets.All.Where(target => args[0] == "all" || target.Name == args[0]).ToArray();
if (targets.Length == 0)
    return Fail($"There is no target {args[0]}.");
if (args[1] == "--input" && args.Length == 3)
{
    Console.WriteLine(targets[0].Run(File.ReadAllBytes(args[2])));
    return 0;
}
if (!int.TryParse(args[1], CultureInfo.InvariantCulture, out var seconds))
    return Fail(Usage);
var seed = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : Random.Shared.Next();

foreach (var target in targets)
{
    var watch = Stopwatch.StartNew();
    var run = new FuzzRun(target, FuzzRun.LoadCorpus(target), seed);
    var result = run.Run(_ => watch.Elapsed.TotalSeconds < seconds);
    Console.WriteLine(
        $"{target.Name}: {result.InputCount} inputs, {result.OutcomeCount} outcomes, "
        + $"{watch.Elapsed.TotalSeconds:F0} s, seed {seed}");
    if (result.Culprit is null)
        continue;
    var file = Path.Combine(Path.GetTempPath(), $"fuzz-{target.Name}-{seed}");
    File.WriteAllBytes(file, result.Culprit);
    Console.Error.WriteLine(result.Failure);
    Console.Error.WriteLine(Encoding.Latin1.GetString(result.Culprit, 0, Math.Min(result.Culprit.Length, 2000)));
    return Fail($"Run it again: Fuzz {target.Name} --input {file}");
}
return 0;

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    return 1;
}
