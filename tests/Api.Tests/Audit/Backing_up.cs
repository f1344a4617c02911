using System.Text;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.Api.Tests.Audit;

/// <summary>A copy of everything that must be kept, made while the server is written to.</summary>
public sealed class Backing_up : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mes-backup-").FullName;
    private TestHomeserver _server = null!;

    public async Task InitializeAsync() => _server = await TestHomeserver.StartAsync();

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task keeps_everything_that_was_acknowledged_before_it_began_while_sends_go_on()
    {
        var alice = await _server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var acknowledged = new List<string>();
        for (var i = 0; i < 50; i++)
            acknowledged.Add(await alice.SendTextAsync(room, "before"));
        using var stop = new CancellationTokenSource();
        var during = SendUntilAsync(alice, room, stop.Token);

        await BackUpAsync(Path.Combine(_folder, "copy"));

        await stop.CancelAsync();
        await during;
        var options = new EmbeddedOptions { Folder = Path.Combine(_folder, "copy", "log") };
        await using var copy = await EmbeddedEventStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance);
        var text = new StringBuilder();
        await foreach (var record in copy.ReadAllAsync(LogPosition.Start, ReadDirection.Forwards, long.MaxValue))
            text.Append(Encoding.UTF8.GetString(record.Data.Span));
        Assert.All(acknowledged, id => Assert.Contains(id, text.ToString(), StringComparison.Ordinal));
        foreach (var kept in (string[])["signing.key", "server_name"])
        {
            Assert.Equal(
                await File.ReadAllBytesAsync(Path.Combine(_server.DataFolder, kept)),
                await File.ReadAllBytesAsync(Path.Combine(_folder, "copy", kept)));
        }
        Assert.False(File.Exists(Path.Combine(_folder, "copy", "control.sock")));
    }

    [Fact]
    public async Task restored_serves_what_several_users_had_acknowledged_and_passes_verify()
    {
        var alice = await _server.RegisterAsync("alice");
        TestUser[] users = [alice, await _server.RegisterAsync("bob"), await _server.RegisterAsync("carol")];
        var room = await alice.CreateRoomAsync("""{"preset":"public_chat"}""");
        foreach (var user in users.Skip(1))
            await user.JoinAsync(room);
        var acknowledged = new List<string>();
        for (var i = 0; i < 20; i++)
            acknowledged.AddRange(await Task.WhenAll(users.Select(user => user.SendTextAsync(room, "before"))));
        using var stop = new CancellationTokenSource();
        var during = Task.WhenAll(users.Select(user => SendUntilAsync(user, room, stop.Token)));

        await BackUpAsync(Path.Combine(_folder, "copy"));

        await stop.CancelAsync();
        await during;
        await _server.StopAsync();
        Directory.Delete(_server.DataFolder, recursive: true);
        Directory.Move(Path.Combine(_folder, "copy"), _server.DataFolder);
        await _server.RestartWithoutDatabaseAsync();
        foreach (var eventId in acknowledged)
            (await alice.GetAsync($"rooms/{Uri.EscapeDataString(room)}/event/{Uri.EscapeDataString(eventId)}")).Ok();
        var verified = await AuditedServer.AskAsync(_server, "verify");
        Assert.True(Assert.Single(verified).GetProperty("ok").GetBoolean(), string.Join('\n', verified));
    }

    [Fact]
    public async Task refuses_a_folder_that_holds_something_and_one_inside_the_data_folder()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "mine"), "");

        await Assert.ThrowsAsync<BackupException>(() => BackUpAsync(_folder));
        await Assert.ThrowsAsync<BackupException>(() => BackUpAsync(Path.Combine(_server.DataFolder, "copy")));
        Assert.False(Directory.Exists(Path.Combine(_server.DataFolder, "copy")));
    }

    private async Task BackUpAsync(string folder)
    {
        var lines = _server.Services.GetRequiredService<Backup>().RunAsync(folder, CancellationToken.None);
        await foreach (var line in lines)
            Assert.False(line.IsEmpty);
    }

    private static async Task SendUntilAsync(TestUser user, string room, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
            await user.SendTextAsync(room, "during");
    }
}
