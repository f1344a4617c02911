using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>The real program as <c>log serve</c>, in a process of its own.</summary>
internal sealed partial class ServedLog : IAsyncDisposable
{
    private const string Name = "Matrix.EventSourced.Api";

    private readonly Process _process;

    private ServedLog(Process process, string address)
    {
        _process = process;
        Address = address;
    }

    /// <summary>Its connection string.</summary>
    public string Address { get; }

    public static async Task<ServedLog> StartAsync(string binary, string folder, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(binary, ["log", "serve", "--data", folder, "--listen", "127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What configures a homeserver on this machine is not meant for this one.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MATRIX__", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{binary} did not start.");
        var said = new List<string>();
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Exited += (_, _) => ready.TrySetException(
            new InvalidOperationException($"{binary} ended: {string.Join('\n', said.ToArray())}"));
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            return new ServedLog(process, await ready.Task.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken));
        }
        catch
        {
            await EndAsync(process);
            throw;
        }

        void Hear(string? line)
        {
            if (line is null || ready.Task.IsCompletedSuccessfully)
                return;
            lock (said)
                said.Add(line);
            if (ConnectWith().Match(line) is { Success: true } match)
                ready.TrySetResult(match.Value);
        }
    }

    /// <summary>The program to start: the one that was named, else one that was built already.</summary>
    /// <remarks>Errors: FormatException that says where it was looked for.</remarks>
    public static string Find(string? named)
    {
        if (named is not null)
            return File.Exists(named) ? named : throw new FormatException($"There is no file {named}.");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Matrix.EventSourced.sln")))
                continue;
            string[] places = ["artifacts/homeserver", "src/Api/bin/Release/net10.0"];
            return places.Select(place => Path.Combine(folder.FullName, place, Name)).FirstOrDefault(File.Exists)
                ?? throw new FormatException($"The program is neither in {string.Join(" nor in ", places)}: build it, or give --binary.");
        }
        throw new FormatException("The program that serves the log was not found; give --binary.");
    }

    public async ValueTask DisposeAsync() => await EndAsync(_process);

    /// <summary>Its folder is removed afterwards, so that nothing is lost when it is not asked to stop in order.</summary>
    private static async Task EndAsync(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
        await process.WaitForExitAsync();
        process.Dispose();
    }

    [GeneratedRegex(@"esdb://\S+")]
    private static partial Regex ConnectWith();
}
