using System.Globalization;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>Reads <c>postmaster.pid</c>: who runs the cluster, and whether it is ready.</summary>
internal static class PostmasterFile
{
    private const int StatusLine = 7;

    /// <summary>A process that still works on this very folder: a postmaster, or a child that outlived one for a
    /// moment.</summary>
    /// <remarks>
    /// <c>postmaster.pid</c> does not tell: it may name a number that another program has by now (in a container almost
    /// surely), and it says nothing of children. Every process of a cluster has its folder as working directory.
    /// INVARIANT: the file is removed only when there is none of them, since two postmasters over one folder destroy
    /// it.
    /// </remarks>
    public static int? FindRunning(string folder)
    {
        var real = Real(folder);
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), CultureInfo.InvariantCulture, out var processId))
                continue;
            try
            {
                if (File.ReadAllText(Path.Combine(process, "comm")).StartsWith("postgres", StringComparison.Ordinal)
                    && new FileInfo(Path.Combine(process, "cwd")).LinkTarget == real)
                {
                    return processId;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile, or belongs to somebody else and so not to this cluster.
            }
        }
        return null;
    }

    /// <summary>Whether this postmaster accepts connections.</summary>
    public static bool IsReady(string folder, int processId)
    {
        var lines = Read(folder);
        return lines.Length > StatusLine
            && lines[0] == processId.ToString(CultureInfo.InvariantCulture)
            && lines[StatusLine].StartsWith("ready", StringComparison.Ordinal);
    }

    public static void Delete(string folder)
    {
        File.Delete(PathIn(folder));
        File.Delete(Path.Combine(folder, ".s.PGSQL.5432"));
        File.Delete(Path.Combine(folder, ".s.PGSQL.5432.lock"));
    }

    /// <summary>Whether nobody looks after the process any more: its server is gone and init has it.</summary>
    public static bool IsOrphan(int processId)
    {
        try
        {
            var status = File.ReadLines($"/proc/{processId}/status");
            return status.FirstOrDefault(l => l.StartsWith("PPid:", StringComparison.Ordinal))?[5..].Trim() == "1"
                && Environment.ProcessId != 1;
        }
        catch (IOException)
        {
            return false;
        }
    }

    // The folder as the kernel names it: every link on the way followed.
    private static string Real(string folder)
    {
        var descriptor = UnixCalls.OpenFolder(folder);
        try
        {
            var link = new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}"));
            return link.LinkTarget ?? folder;
        }
        finally
        {
            UnixCalls.CloseFolder(descriptor);
        }
    }

    private static string[] Read(string folder)
    {
        try
        {
            return File.ReadAllLines(PathIn(folder));
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string PathIn(string folder) => Path.Combine(folder, "postmaster.pid");
}
