using System.Diagnostics;
using System.Globalization;
using Matrix.EventSourced.Projections.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Postgres;

/// <summary>Each test has a cluster of its own, in a folder that only its owner may enter; run as root, that is closed
/// to PostgreSQL's user too.</summary>
public sealed class Private_cluster : IAsyncLifetime
{
    private string _data = "";

    public Task InitializeAsync()
    {
        _data = Directory.CreateTempSubdirectory("mes-cluster-").FullName;
        return Task.CompletedTask;
    }

    public Task DisposeAsync()
    {
        Directory.Delete(_data, recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task keeps_its_data_from_one_start_to_the_next()
    {
        await using (var first = await StartAsync(Folder))
        {
            await ExecuteAsync(first, "CREATE TABLE kept (n integer)");
            Assert.Equal("homeserver", await ScalarAsync<string>(first, "SELECT current_database()::text"));
        }
        Assert.False(File.Exists(Path.Combine(Folder, "postmaster.pid")));

        await using var second = await StartAsync(Folder);

        Assert.Equal(0, await ScalarAsync<long>(second, "SELECT count(*) FROM kept"));
    }

    [Fact]
    public async Task listens_on_nothing_but_its_socket()
    {
        await using var cluster = await StartAsync(Folder);

        Assert.Equal("", await ScalarAsync<string>(cluster, "SELECT current_setting('listen_addresses')"));
        Assert.True(File.Exists(Path.Combine(Folder, ".s.PGSQL.5432")));
        Assert.Equal(["postgres"], Directory.EnumerateFileSystemEntries(_data).Select(Path.GetFileName));
    }

    [Fact]
    public async Task works_in_a_folder_too_deep_for_a_socket()
    {
        var deep = Path.Combine(_data, new string('a', 80), new string('b', 80), "postgres");

        await using var cluster = await StartAsync(deep);

        Assert.Equal(1, await ScalarAsync<int>(cluster, "SELECT 1"));
    }

    [Fact]
    public async Task starts_over_a_left_behind_file_that_names_another_living_process()
    {
        await using (await StartAsync(Folder))
        {
        }
        var self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(
            Path.Combine(Folder, "postmaster.pid"), $"{self}\n{Folder}\n1\n5432\n{Folder}\n\n1 1\nready\n");

        await using var cluster = await StartAsync(Folder);

        Assert.Equal(1, await ScalarAsync<int>(cluster, "SELECT 1"));
    }

    [Fact]
    public async Task ends_with_a_server_that_is_killed_and_starts_again()
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Private_cluster).Assembly.Location, Folder])
        {
            RedirectStandardOutput = true,
        };
        using var server = Process.Start(start)!;
        var line = await server.StandardOutput.ReadLineAsync();
        var postmaster = int.Parse(line!, CultureInfo.InvariantCulture);

        using var orphan = Process.GetProcessById(postmaster);
        server.Kill();
        await server.WaitForExitAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await orphan.WaitForExitAsync(patience.Token);
        await using var cluster = await StartAsync(Folder);

        Assert.NotEqual(postmaster, cluster.ProcessId);
        Assert.Equal(3, await ScalarAsync<int>(cluster, "SELECT n FROM survives"));
    }

    [Fact]
    public async Task comes_back_after_a_postmaster_that_was_killed()
    {
        await using (var first = await StartAsync(Folder))
        {
            await ExecuteAsync(first, "SET synchronous_commit = on; CREATE TABLE kept (n integer)");
            using var postmaster = Process.GetProcessById(first.ProcessId);
            postmaster.Kill();
            await postmaster.WaitForExitAsync();
        }

        await using var second = await StartAsync(Folder);

        Assert.Equal(0, await ScalarAsync<long>(second, "SELECT count(*) FROM kept"));
    }

    [Fact]
    public async Task is_made_anew_when_it_was_left_half_made()
    {
        Directory.CreateDirectory(Folder + ".new");
        await File.WriteAllTextAsync(Path.Combine(Folder + ".new", "PG_VERSION"), "15");

        await using var cluster = await StartAsync(Folder);

        Assert.False(Directory.Exists(Folder + ".new"));
    }

    [Fact]
    public async Task is_made_anew_for_another_version()
    {
        await using (await StartAsync(Folder))
        {
        }
        await File.WriteAllTextAsync(Path.Combine(Folder, "PG_VERSION"), "9\n");

        await using var cluster = await StartAsync(Folder);

        Assert.Equal(1, await ScalarAsync<int>(cluster, "SELECT 1"));
    }

    [Fact]
    public async Task says_which_package_is_missing()
    {
        var options = new PrivateClusterOptions { Folder = Folder, BinaryFolder = _data };

        var error = await Assert.ThrowsAsync<PrivateClusterException>(
            () => PrivateCluster.StartAsync(options, TimeProvider.System, NullLogger.Instance, CancellationToken.None));

        Assert.Contains("install the package 'postgresql'", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task leaves_files_of_others_alone()
    {
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync(Path.Combine(Folder, "diary.txt"), "mine");

        await Assert.ThrowsAsync<PrivateClusterException>(() => StartAsync(Folder));

        Assert.Equal("mine", await File.ReadAllTextAsync(Path.Combine(Folder, "diary.txt")));
    }

    private string Folder => Path.Combine(_data, "postgres");

    internal static Task<PrivateCluster> StartAsync(string folder) => PrivateCluster.StartAsync(
        new PrivateClusterOptions { Folder = folder, IsFsyncOn = false },
        TimeProvider.System,
        NullLogger.Instance,
        CancellationToken.None);

    internal static async Task ExecuteAsync(PrivateCluster cluster, string sql)
    {
        await using var source = NpgsqlDataSource.Create(cluster.ConnectionString + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<T?> ScalarAsync<T>(PrivateCluster cluster, string sql)
    {
        await using var source = NpgsqlDataSource.Create(cluster.ConnectionString + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }
}
