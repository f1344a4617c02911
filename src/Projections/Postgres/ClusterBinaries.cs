using System.Diagnostics;
using System.Globalization;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>Finds PostgreSQL's programs.</summary>
/// <remarks>Shape: Folder holds <c>postgres</c> and <c>initdb</c>; Major is their version, which must be that of the
/// cluster's files.</remarks>
internal sealed record ClusterBinaries(string Folder, int Major)
{
    private const string DebianFolder = "/usr/lib/postgresql";

    public string Postgres => Path.Combine(Folder, "postgres");

    public string InitDb => Path.Combine(Folder, "initdb");

    /// <summary>The programs of version <paramref name="wanted"/> if they are there, else the newest.</summary>
    public static ClusterBinaries Find(string? folder, int? wanted)
    {
        ClusterBinaries? best = null;
        foreach (var candidate in Candidates(folder).Distinct(StringComparer.Ordinal))
        {
            if (!File.Exists(Path.Combine(candidate, "postgres")) || !File.Exists(Path.Combine(candidate, "initdb")))
                continue;
            var binaries = new ClusterBinaries(candidate, ReadMajor(candidate));
            if (binaries.Major > (best?.Major ?? 0) || binaries.Major == wanted)
                best = binaries;
            // Asking a program for its version costs tens of milliseconds of each start.
            if (best is not null && (wanted is null || best.Major == wanted))
                break;
        }
        return best
            ?? throw new PrivateClusterException(
                "PostgreSQL's programs (postgres, initdb) were not found: install the package 'postgresql' "
                + "(Debian, Ubuntu) or 'postgresql-server' (Fedora), or give a connection string to a running server.");
    }

    private static IEnumerable<string> Candidates(string? folder)
    {
        if (folder is not null)
        {
            yield return folder;
            yield break;
        }
        if (Directory.Exists(DebianFolder))
        {
            var versions = Directory.EnumerateDirectories(DebianFolder).OrderByDescending(NumberOf);
            foreach (var version in versions)
                yield return Path.Combine(version, "bin");
        }
        if (ReadLine("pg_config", "--bindir") is { Length: > 0 } configured)
            yield return configured;
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        foreach (var one in path.Split(':', StringSplitOptions.RemoveEmptyEntries))
            yield return one;
        yield return "/usr/libexec/postgresql";
        yield return "/usr/local/pgsql/bin";
    }

    private static int NumberOf(string folder) =>
        int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var number) ? number : 0;

    // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
    private static int ReadMajor(string folder)
    {
        var line = ReadLine(Path.Combine(folder, "postgres"), "--version");
        var version = line?.Split(' ').FirstOrDefault(w => w.Length > 0 && char.IsAsciiDigit(w[0]));
        var digits = version?.TakeWhile(char.IsAsciiDigit).ToArray();
        return int.TryParse(digits, CultureInfo.InvariantCulture, out var major) ? major : 0;
    }

    private static string? ReadLine(string program, string argument)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, [argument])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            });
            var line = process?.StandardOutput.ReadLine();
            process?.WaitForExit();
            return line;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
