using System.Net;
using System.Net.Sockets;
using Matrix.EventSourced.Benchmarks.Load;
using Matrix.EventSourced.Benchmarks.Load.Workloads;

LoadOptions options;
IPEndPoint address;
IReadOnlyList<Workload> workloads;
try
{
    options = args is ["--help" or "-h"] ? throw new FormatException(LoadOptions.Help) : LoadOptions.Parse(args);
    workloads = Choose(options);
    address = await ResolveAsync(options);
}
catch (Exception problem) when (problem is FormatException or SocketException)
{
    Console.Error.WriteLine(problem.Message);
    return 2;
}
if (options.IsListing)
{
    foreach (var workload in workloads)
        Console.WriteLine($"{workload.Name,-16}{workload.What}");
    return 0;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, interrupt) =>
{
    interrupt.Cancel = true;
    stop.Cancel();
};
using var world = new World(options, address, stop.Token);
var watch = new ProcessWatch(options.Pid, options.AlsoPids);
var report = new Report(options, TimeProvider.System.GetUtcNow()) { Before = watch.Sample(withMemory: true) };
var runner = new Runner(options, watch);
Console.WriteLine(Report.Header);
var failed = 0;
foreach (var workload in workloads)
{
    try
    {
        foreach (var row in await workload.RunAsync(world, runner))
        {
            Console.WriteLine(report.Add(row));
            failed += row.Errors;
        }
    }
    catch (OperationCanceledException) when (stop.IsCancellationRequested)
    {
        break;
    }
    catch (Exception problem) when (problem is LoadException or SocketException or IOException)
    {
        Console.WriteLine($"{workload.Name,-36}not measured: {problem.Message}");
        failed++;
    }
}
report.After = watch.Sample(withMemory: true);
if (watch.IsWatching)
    Console.WriteLine(report.MemoryLine());
if (options.JsonFile is { } file)
    await File.WriteAllBytesAsync(file, report.ToJson());
return failed == 0 ? 0 : 1;

static IReadOnlyList<Workload> Choose(LoadOptions options)
{
    foreach (var name in options.Only)
    {
        if (Workload.All.All(workload => workload.Name != name))
            throw new FormatException($"There is no workload '{name}'; --list names them.");
    }
    return options.Only.Count == 0
        ? Workload.All
        : [.. Workload.All.Where(workload => options.Only.Contains(workload.Name))];
}

static async Task<IPEndPoint> ResolveAsync(LoadOptions options)
{
    var addresses = await Dns.GetHostAddressesAsync(options.Url.DnsSafeHost);
    if (!options.AllowsRemote && !addresses.All(IPAddress.IsLoopback))
        throw new FormatException($"{options.Url.Host} is not this machine; --allow-remote loads it all the same.");
    return new IPEndPoint(addresses[0], options.Url.Port);
}
