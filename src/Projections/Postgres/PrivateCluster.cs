using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>A PostgreSQL cluster of the server's own: made, started and ended with it, reachable through a socket in
/// its folder only.</summary>
/// <remarks>
/// Ensures: ends with this process even when it is killed; a cluster left behind in any state is taken over at the next
/// start; nothing outside the folder is written. A folder of another PostgreSQL version is made anew: it holds only
/// what the log can give again.
/// Errors: <see cref="PrivateClusterException"/>, in one line that says what to do.
/// </remarks>
public sealed partial class PrivateCluster : IAsyncDisposable
{
    /// <summary>The role and the database.</summary>
    public const string Name = "homeserver";

    private const string SocketFile = ".s.PGSQL.5432";
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);

    private readonly PrivateClusterOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ClusterCommand _command = new();
    private readonly string _folder;
    private Process? _process;
    private SocketFolder? _socketFolder;

    private PrivateCluster(PrivateClusterOptions options, TimeProvider time, ILogger logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
        _folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Folder));
    }

    /// <summary>For this process: the path may go through one of its descriptors.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The postmaster.</summary>
    public int ProcessId => _process?.Id ?? 0;

    private string LogFile => Path.Combine(_folder, "server.log");

    public static async Task<PrivateCluster> StartAsync(
        PrivateClusterOptions options,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        var cluster = new PrivateCluster(options, time, logger);
        try
        {
            await cluster.StartAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends PostgreSQL in order: sessions are cut, what is written stays.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20), _time);
            if (!process.HasExited)
                UnixCalls.Signal(process.Id, UnixCalls.SignalInterrupt);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                LogSlowEnd(process.Id);
                UnixCalls.Signal(process.Id, UnixCalls.SignalQuit);
                await process.WaitForExitAsync(CancellationToken.None);
            }
            process.Dispose();
        }
        _socketFolder?.Dispose();
        _socketFolder = null;
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        Directory.CreateDirectory(Path.GetDirectoryName(_folder)!);
        var held = ReadVersion();
        var binaries = ClusterBinaries.Find(_options.BinaryFolder, held);
        await AwaitEndOfOldAsync(cancellationToken);
        if (held is not null && held != binaries.Major)
        {
            LogOtherVersion(_folder, held.Value, binaries.Major);
            Directory.Delete(_folder, recursive: true);
            held = null;
        }
        if (held is null)
            await CreateAsync(binaries, cancellationToken);
        PostmasterFile.Delete(_folder);
        TrimLog();

        _process = await _command.StartAsync(_folder, LogFile, binaries.Postgres, Arguments());
        await AwaitReadyAsync(cancellationToken);
        ConnectionString = Connect(Name);
        await EnsureDatabaseAsync(cancellationToken);
        LogStarted(_folder, binaries.Major, ProcessId, _time.GetElapsedTime(began).TotalMilliseconds);
    }

    /// <summary>Makes the cluster beside its place and moves it there complete, so that a half-made one is never taken
    /// for one.</summary>
    private async Task CreateAsync(ClusterBinaries binaries, CancellationToken cancellationToken)
    {
        var fresh = _folder + ".new";
        if (Directory.Exists(fresh))
            Directory.Delete(fresh, recursive: true);
        if (Directory.Exists(_folder))
            DeleteRemains();
        _command.MakeFolder(fresh);
        var log = fresh + ".log";
        var isMade = await _command.RunAsync(
            fresh,
            log,
            binaries.InitDb,
            [
                "-D", ClusterCommand.FolderInside, "-U", Name, "-A", "trust", "--locale=C", "--encoding=UTF8",
                "--no-instructions", .. _options.IsFsyncOn ? (string[])[] : ["--no-sync"],
            ],
            cancellationToken);
        if (!isMade)
            throw new PrivateClusterException($"initdb failed in {_folder}: {LastLine(log)}");
        File.Delete(log);
        Directory.Move(fresh, _folder);
    }

    // A folder without PG_VERSION is none of ours unless it is empty: never delete what somebody else put there.
    private void DeleteRemains()
    {
        if (Directory.EnumerateFileSystemEntries(_folder).Any())
            throw new PrivateClusterException(
                $"{_folder} holds other files than a PostgreSQL cluster; move them away.");
        Directory.Delete(_folder);
    }

    /// <summary>The postmaster of a server that was killed may still be shutting down.</summary>
    private async Task AwaitEndOfOldAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_folder) || PostmasterFile.FindRunning(_folder) is not { } old)
            return;
        LogOldRuns(_folder, old);
        if (PostmasterFile.IsOrphan(old))
            UnixCalls.Signal(old, UnixCalls.SignalInterrupt);
        var began = _time.GetTimestamp();
        while (PostmasterFile.FindRunning(_folder) is not null)
        {
            if (_time.GetElapsedTime(began) > _options.PatienceMax)
                throw new PrivateClusterException(
                    $"{_folder} is in use by process {old}; stop the other server first.");
            await Task.Delay(Poll, _time, cancellationToken);
        }
    }

    private async Task AwaitReadyAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (!PostmasterFile.IsReady(_folder, ProcessId))
        {
            if (_process!.HasExited)
                throw new PrivateClusterException($"PostgreSQL did not start: {LastLine(LogFile)} (see {LogFile})");
            if (_time.GetElapsedTime(began) > _options.PatienceMax)
                throw new PrivateClusterException(
                    $"PostgreSQL is not ready after {_options.PatienceMax}; see {LogFile}");
            await Task.Delay(Poll, _time, cancellationToken);
        }
    }

    private async Task EnsureDatabaseAsync(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(Connect("postgres") + ";Pooling=false");
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var find = new NpgsqlCommand($"SELECT 1 FROM pg_database WHERE datname = '{Name}'", connection);
        if (await find.ExecuteScalarAsync(cancellationToken) is not null)
            return;
        await using var create = new NpgsqlCommand($"CREATE DATABASE {Name}", connection);
        await create.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Settings go on the command line, so that a newer program's settings reach an older folder.</summary>
    private IEnumerable<string> Arguments()
    {
        var settings = new List<string>
        {
            "listen_addresses=",
            "unix_socket_directories=" + ClusterCommand.FolderInside,
            "unix_socket_permissions=0700",
            string.Create(CultureInfo.InvariantCulture, $"max_connections={_options.ConnectionCountMax}"),
            "shared_buffers=128MB",
            "dynamic_shared_memory_type=mmap",
            "max_parallel_workers_per_gather=0",
            "jit=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "max_wal_size=1GB",
            "wal_compression=on",
            "checkpoint_timeout=15min",
            "log_min_messages=warning",
            "log_checkpoints=off",
            "timezone=UTC",
            "log_timezone=UTC",
        };
        if (!_options.IsFsyncOn)
            settings.AddRange(["fsync=off", "full_page_writes=off", "synchronous_commit=off"]);
        return ((string[])["-D", ClusterCommand.FolderInside]).Concat(settings.SelectMany(s => (string[])["-c", s]));
    }

    private string Connect(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = (_socketFolder ??= new SocketFolder(_folder, SocketFile)).Path,
        Username = Name,
        Database = database,
        MaxPoolSize = Math.Max(4, _options.ConnectionCountMax - 6),
        NoResetOnClose = true,
        MaxAutoPrepare = 100,
        AutoPrepareMinUsages = 2,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
        ApplicationName = Name,
    }.ConnectionString;

    private int? ReadVersion()
    {
        var file = Path.Combine(_folder, "PG_VERSION");
        if (!File.Exists(file))
            return null;
        var text = File.ReadAllText(file).AsSpan().Trim();
        return int.TryParse(text, CultureInfo.InvariantCulture, out var major) ? major : null;
    }

    // LIMIT: 8 MiB of warnings are enough to find out what happened; the log begins anew at the next start after that.
    private void TrimLog()
    {
        if (File.Exists(LogFile) && new FileInfo(LogFile).Length > 8 << 20)
            File.Move(LogFile, LogFile + ".1", overwrite: true);
    }

    private static string LastLine(string file) =>
        (File.Exists(file) ? File.ReadLines(file).LastOrDefault(l => l.Length > 0) : null) ?? "no reason given";

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Private PostgreSQL {major} runs in {folder} as process {process_id}, ready after {elapsed_ms} ms.")]
    private partial void LogStarted(string folder, int major, int process_id, double elapsed_ms);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Process {process_id}, an earlier PostgreSQL of {folder}, is still running; waiting for its end.")]
    private partial void LogOldRuns(string folder, int process_id);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "{folder} is of PostgreSQL {held}, installed is {major}: it is made anew and the read models are replayed.")]
    private partial void LogOtherVersion(string folder, int held, int major);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "PostgreSQL (process {process_id}) is slow to end; ending it at once.")]
    private partial void LogSlowEnd(int process_id);
}
