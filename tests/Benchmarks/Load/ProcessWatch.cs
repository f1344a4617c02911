using System.Diagnostics;
using System.Globalization;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>CPU time and memory at one moment. Units: milliseconds; bytes.</summary>
/// <remarks>
/// Shape: Server is the process that was named; Others are its descendants and the processes named beside it, with
/// theirs. Memory of the others is proportional (shared pages counted once), of the server resident.
/// </remarks>
internal readonly record struct ProcessSample(
    double ServerCpuMs, double OthersCpuMs, double DriverCpuMs, long ServerBytes, long OthersBytes);

/// <summary>Reads <c>/proc</c> for the processes that are measured.</summary>
internal sealed class ProcessWatch(int? server, IReadOnlyList<int> others)
{
    /// <summary>Clock ticks of /proc/PID/stat: 100 a second on every Linux that .NET runs on.</summary>
    private const double TickMs = 10;

    public bool IsWatching => server is not null || others.Count > 0;

    public ProcessSample Sample(bool withMemory)
    {
        var (parents, ticks) = ReadAll();
        var group = new HashSet<int>(others);
        if (server is { } root)
            group.Add(root);
        // Children are started after their parents and may have smaller numbers: repeat until nothing is added.
        for (var size = -1; size != group.Count;)
        {
            size = group.Count;
            group.UnionWith(parents.Where(pair => group.Contains(pair.Value)).Select(pair => pair.Key).ToList());
        }
        double serverMs = 0, othersMs = 0;
        long othersBytes = 0;
        foreach (var pid in group)
        {
            var ms = ticks.GetValueOrDefault(pid) * TickMs;
            if (pid == server)
                serverMs = ms;
            else
            {
                othersMs += ms;
                if (withMemory)
                    othersBytes += ReadKibibytes($"/proc/{pid}/smaps_rollup", "Pss:") * 1024;
            }
        }
        var serverBytes = withMemory && server is { } id ? ReadKibibytes($"/proc/{id}/status", "VmRSS:") * 1024 : 0;
        using var self = Process.GetCurrentProcess();
        return new ProcessSample(
            serverMs, othersMs, self.TotalProcessorTime.TotalMilliseconds, serverBytes, othersBytes);
    }

    /// <summary>Every process' parent, and its clock ticks with those of children that have ended.</summary>
    private static (Dictionary<int, int> Parents, Dictionary<int, long> Ticks) ReadAll()
    {
        var parents = new Dictionary<int, int>();
        var ticks = new Dictionary<int, long>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                || ReadText($"{folder}/stat") is not { } stat)
                continue;
            // The name stands in brackets and may hold anything; what follows it is plain.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            parents[pid] = int.Parse(fields[1], CultureInfo.InvariantCulture);
            ticks[pid] = fields[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        }
        return (parents, ticks);
    }

    private static long ReadKibibytes(string path, string name)
    {
        var line = ReadText(path)?.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        var digits = line is null ? "" : string.Concat(line.Where(char.IsAsciiDigit));
        return long.TryParse(digits, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes : 0;
    }

    /// <summary>Null when the process has ended meanwhile, or is not ours to look at.</summary>
    private static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
