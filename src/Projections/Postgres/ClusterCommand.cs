using System.Diagnostics;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>Runs PostgreSQL's programs inside the cluster's folder, as a user that they accept.</summary>
/// <remarks>
/// <code>
/// sh: open the folder as descriptor 9 (by whoever we are) → setsid → setpriv: user, parent-death signal
/// → postgres -D /proc/self/fd/9
/// </code>
/// PostgreSQL refuses to run as root, and an unprivileged user may not be able to walk to the folder (/root is closed
/// to others). The descriptor leads there without the walk, is inherited by every backend, and keeps socket paths short
/// however deep the folder is. A session of its own keeps the terminal's Ctrl+C away from PostgreSQL: the server ends
/// first, then the cluster.
/// </remarks>
internal sealed class ClusterCommand
{
    /// <summary>The folder as PostgreSQL's own processes see it.</summary>
    public const string FolderInside = "/proc/self/fd/9";

    private const string Shell = """exec 9<"$0" && cd / && log=$1 && shift && exec "$@" >>"$log" 2>&1 </dev/null""";

    private readonly string? _user = UnixCalls.EffectiveUserId == 0 ? FindUser() : null;

    /// <summary>Makes an empty folder that the programs' user owns.</summary>
    public void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            throw new PrivateClusterException("A private cluster needs Linux: give a connection string.");
        if (_user is null)
        {
            Directory.CreateDirectory(
                folder,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return;
        }
        using var install = Process.Start(new ProcessStartInfo("install", ["-d", "-o", _user, "-m", "700", folder]));
        install!.WaitForExit();
        if (install.ExitCode != 0)
            throw new PrivateClusterException($"{folder} cannot be given to user {_user}.");
    }

    /// <summary>Runs a program to its end; false when it failed, its words are in the log.</summary>
    public async Task<bool> RunAsync(
        string folder,
        string log,
        string program,
        IEnumerable<string> arguments,
        CancellationToken cancellationToken)
    {
        using var process = Process.Start(Describe(folder, log, endsWithUs: false, program, arguments))!;
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0;
    }

    /// <summary>Starts a program that gets an interrupt when this process ends in whatever way.</summary>
    /// <remarks>
    /// The kernel sends that signal when the <b>thread</b> that started the program ends, so the thread must be one
    /// that lives as long as the process: a pool thread may go at any time.
    /// </remarks>
    public Task<Process> StartAsync(string folder, string log, string program, IEnumerable<string> arguments)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        var describe = Describe(folder, log, endsWithUs: true, program, arguments);
        var thread = new Thread(() =>
        {
            try
            {
                var process = Process.Start(describe)!;
                started.SetResult(process);
                process.WaitForExit();
            }
            catch (Exception e)
            {
                started.TrySetException(e);
            }
        })
        {
            IsBackground = true,
            Name = "private PostgreSQL",
        };
        thread.Start();
        return started.Task;
    }

    private ProcessStartInfo Describe(
        string folder,
        string log,
        bool endsWithUs,
        string program,
        IEnumerable<string> arguments)
    {
        var list = new List<string> { "-c", Shell, folder, log };
        if (endsWithUs)
            list.Add("setsid");
        if (endsWithUs || _user is not null)
            list.Add("setpriv");
        if (endsWithUs)
            list.AddRange(["--pdeathsig", "INT"]);
        if (_user is not null)
            list.AddRange(["--reuid", _user, "--regid", _user, "--init-groups"]);
        list.Add(program);
        list.AddRange(arguments);
        var start = new ProcessStartInfo("/bin/sh", list) { WorkingDirectory = "/" };

        // Whatever the operator set for a client (PGHOST, PGDATA, PGOPTIONS …) must not reach this server.
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("PG", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        start.Environment["LC_ALL"] = "C";
        return start;
    }

    private static string FindUser()
    {
        var names = File.ReadLines("/etc/passwd").Select(l => l.Split(':')[0]).ToHashSet(StringComparer.Ordinal);
        return names.Contains("postgres") ? "postgres"
            : names.Contains("nobody") ? "nobody"
            : throw new PrivateClusterException("PostgreSQL does not run as root: create a user 'postgres'.");
    }
}
