using System.Globalization;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>Reads <c>postmaster.pid</c>: who runs the cluster, and whether it is ready.</summary>
internal static class PostmasterFile
{
    private const int StatusLine = 7;

    /// <summary>The process that runs this very folder; null when the file is absent or left over.</summary>
    /// <remarks>
    /// A left-over file may name a number that another program has by now (in a container almost surely). A postmaster's working directory
    /// is its cluster, and nobody else's is.
    /// </remarks>
    public static int? FindRunning(string folder)
    {
        var lines = Read(folder);
        if (lines.Length == 0 || !int.TryParse(lines[0], CultureInfo.InvariantCulture, out var processId) || processId <= 0)
            return null;
        try
        {
            var target = new FileInfo($"/proc/{processId}/cwd").ResolveLinkTarget(returnFinalTarget: false)?.FullName;
            return target == Path.TrimEndingDirectorySeparator(Path.GetFullPath(Real(folder))) ? processId : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

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
            return link.ResolveLinkTarget(returnFinalTarget: false)?.FullName ?? folder;
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
