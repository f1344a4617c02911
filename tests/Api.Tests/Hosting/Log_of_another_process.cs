using System.Net;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Hosting;

/// <summary>The homeserver with its log behind an esdb:// address.</summary>
public sealed class Log_of_another_process : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mes-log-").FullName;
    // The log comes back where the server looks for it.
    private readonly int _port = FreePorts.Take();
    private LogServer _log = null!;

    public async Task InitializeAsync() => _log = await ServeLogAsync();

    public async Task DisposeAsync()
    {
        await _log.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task keeps_everything_across_restarts_of_both_and_without_the_database()
    {
        await using var server = await StartAsync();
        var alice = await server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        await alice.SendTextAsync(room, "before");
        var health = (await server.SendAsync("GET", "/health")).Ok().GetProperty("log");
        Assert.True(health.GetProperty("connected").GetBoolean());
        Assert.Equal(($"127.0.0.1:{_port}", "Leader"), (health.Text("node"), health.Text("role")));

        await _log.DisposeAsync();
        var away = await server.SendAsync("GET", "/health");
        while (away.Status != 503)
            away = await server.SendAsync("GET", "/health");
        _log = await ServeLogAsync();
        await alice.SendTextAsync(room, "after");
        await server.RestartAsync();
        Assert.Equal("@alice:hs", (await alice.GetAsync("account/whoami")).Ok().Text("user_id"));
        await server.RestartWithoutDatabaseAsync();

        Assert.Equal("@alice:hs", (await alice.GetAsync("account/whoami")).Ok().Text("user_id"));
        var messages = (await alice.GetAsync($"rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=2")).Ok();
        Assert.Equal(
            ["after", "before"],
            messages.GetProperty("chunk").EnumerateArray().Select(e => e.GetProperty("content").Text("body")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(server.DataFolder, "log")));
    }

    [Fact]
    public async Task backup_says_that_it_cannot()
    {
        await using var server = await StartAsync();
        var backup = server.Services.GetRequiredService<Backup>();

        var refused = await Assert.ThrowsAsync<BackupException>(async () =>
        {
            await foreach (var _ in backup.RunAsync(Path.Combine(_folder, "copy"), CancellationToken.None))
                Assert.Fail("It began.");
        });

        Assert.Contains("The log is in EventStoreDB", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "copy")));
    }

    private Task<TestHomeserver> StartAsync() => TestHomeserver.StartAsync(new()
    {
        Configure = config => config with
        {
            EventStore = new EventStoreConfig { Address = $"esdb://127.0.0.1:{_port}?tls=false" },
        },
    });

    private Task<LogServer> ServeLogAsync() => LogServer.StartAsync(
        new HomeserverConfig
        {
            DataFolder = _folder,
            Gateway = new() { Listener = new() { Listen = [new ListenAddress(false, IPAddress.Loopback, _port)] } },
            Log = new LogConfig { Level = Microsoft.Extensions.Logging.LogLevel.Error },
        },
        TimeProvider.System,
        CancellationToken.None);
}
