using System.Diagnostics;
using System.Globalization;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>Finds PostgreSQL's programs.</summary>
/// <remarks>Shape: Folder holds <c>postgres</c> and <c>initdb</c>; Major is their version, which must be that of the cluster's files.</remarks>
internal sealed record ClusterBinaries(string Folder, int Major)
{
    private const string DebianFolder = "/usr/lib/postgresql";

    public string Postgres => Path.Combine(Folder, "postgres");

    public string InitDb => Path.Combine(Folder, "initdb");

    /// <summary>The programs of version <paramref name="wanted"/> if they are there, else the newest.</summary>
    public static ClusterBinaries Find(string? folder, int? wanted)
    {
        var found = Candidates(folder)
            .Where(f => File.Exists(Path.Combine(f, "postgres")) && File.Exists(Path.Combine(f, "initdb")))
            .Distinct(StringComparer.Ordinal)
            .Select(f => new ClusterBinaries(f, ReadMajor(f)))
            .Where(b => b.Major > 0)
            .ToArray();
        return found.FirstOrDefault(b => b.Major == wanted)
            ?? found.OrderByDescending(b => b.Major).FirstOrDefault()
            ?? throw new PrivateClusterException(
                "PostgreSQL's programs (postgres, initdb) were not found: install the package 'postgresql' "
                + "(Debian, Ubuntu) or 'postgresql-server' (Fedora), or give a connection string to a running server.");
    }

    private static IEnumerable<string> Candidates(string? folder)
    {
        if (folder is not null)
            return [folder];
        var all = new List<string>();
        if (Directory.Exists(DebianFolder))
        {
            all.AddRange(Directory.EnumerateDirectories(DebianFolder)
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var v) ? v : 0)
                .Select(d => Path.Combine(d, "bin")));
        }
        if (ReadLine("pg_config", "--bindir") is { Length: > 0 } configured)
            all.Add(configured);
        all.AddRange((Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries));
        all.Add("/usr/libexec/postgresql");
        all.Add("/usr/local/pgsql/bin");
        return all;
    }

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
