using System.Diagnostics;
using System.Globalization;
using Matrix.EventSourced.Projections.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Matrix.EventSourced.Kit.Postgres;

/// <summary>A real PostgreSQL for tests: one cluster per test process, without fsync, and a fresh database for each
/// test class.</summary>
public static class PostgresKit
{
    private static readonly Lazy<Task<PrivateCluster>> Cluster = new(StartAsync);
    private static int _databaseCount;

    /// <summary>An empty database of the caller's own; disposing it drops it.</summary>
    public static async Task<TestDatabase> CreateDatabaseAsync()
    {
        var cluster = await Cluster.Value;
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databaseCount)}");
        await ExecuteAsync(cluster, $"CREATE DATABASE {name}");
        var builder = new NpgsqlConnectionStringBuilder(cluster.ConnectionString)
        {
            Database = name,
            MaxPoolSize = 20,
            IncludeErrorDetail = true,
        };
        return new TestDatabase(name, builder.ConnectionString);
    }

    internal static async Task DropAsync(string name) =>
        await ExecuteAsync(await Cluster.Value, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    private static async Task ExecuteAsync(PrivateCluster cluster, string sql)
    {
        await using var source = NpgsqlDataSource.Create(cluster.ConnectionString + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<PrivateCluster> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("mes-postgres-").FullName;
        var cluster = await PrivateCluster.StartAsync(
            new PrivateClusterOptions
            {
                Folder = Path.Combine(folder, "postgres"),
                IsFsyncOn = false,
                ConnectionCountMax = 120,
            },
            TimeProvider.System,
            NullLogger.Instance,
            CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End(cluster.ProcessId, folder);
        return cluster;
    }

    // At the end of the process there is nobody left to await, and little time: the runner soon kills what still runs.
    // Its children end when they see that the postmaster is gone. Never the whole process tree at once: that stops the
    // postmaster before it kills it, and one that is left stopped ignores everything, the death of its parent too.
    private static void End(int processId, string folder)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            process.Kill();
            process.WaitForExit(2000);
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or IOException)
        {
            // It has ended already, or a child still wrote a file.
        }
    }
}

/// <summary>A database of one test class.</summary>
public sealed class TestDatabase(string name, string connectionString) : IAsyncDisposable
{
    public string ConnectionString { get; } = connectionString;

    public NpgsqlDataSource DataSource { get; } = NpgsqlDataSource.Create(connectionString);

    public async Task ExecuteAsync(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    /// <summary>Every row of a query as text, one line each; the query says the order.</summary>
    public async Task<string> DumpAsync(string sql)
    {
        await using var command = DataSource.CreateCommand($"SELECT t::text FROM ({sql}) t");
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
            lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await PostgresKit.DropAsync(name);
    }
}
