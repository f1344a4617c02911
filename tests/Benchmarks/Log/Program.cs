using System.Runtime.InteropServices;
using Matrix.EventSourced.Benchmarks.Log;

LogOptions options;
try
{
    options = LogOptions.Parse(args);
    if (options.AsksForHelp)
    {
        Console.WriteLine(LogOptions.Help);
        return 0;
    }
    if (!Directory.Exists(options.Folder))
        throw new FormatException($"There is no folder {options.Folder}.");
    if (options.Engines.Contains("EventStoreDb"))
        _ = ServedLog.Find(options.Binary);
}
catch (FormatException problem)
{
    Console.Error.WriteLine(problem.Message);
    return 2;
}
using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    var report = new Report(options);
    foreach (var name in options.Engines)
        await MeasureAsync(await Engine.OpenAsync(name, options, stop.Token), report);
    if (options.Node is { } node)
        await MeasureAsync(await Engine.ConnectAsync(node.ToString(), node, stop.Token), report);
    report.Print();
    if (options.JsonFile is { } path)
        await report.WriteAsync(path, stop.Token);
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}

async Task MeasureAsync(Engine opened, Report report)
{
    await using var engine = opened;
    var flush = Disk.Flush(options.Folder);
    var measures = await new Workload(engine.Store, options, stop.Token).RunAsync(
        step => Console.Error.WriteLine($"{engine.Name}: {step}"));
    report.Add(engine.Name, [flush, .. measures]);
}

// What runs here ends in order, so that processes and folders of the run go with it.
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
