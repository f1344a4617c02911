using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.AppService;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.AppService;

public sealed class Lagging_services
{
    [Fact]
    public async Task are_shown_with_what_waits_and_why()
    {
        await using var world = await BridgedServer.StartAsync(url: "http://127.0.0.1:9");
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        await alice.SendTextAsync(room, "one");
        // The join may be away in a first attempt, or wait with the message.
        AppserviceStatus status;
        do
            status = Assert.Single(await world.Server.Services.GetRequiredService<AppserviceQueries>()
                .StatusAsync(CancellationToken.None));
        while (status.Failures == 0);
        Assert.Equal("irc", status.AppserviceId);
        Assert.Equal(2, status.EventsWaiting);
        Assert.Contains("refused", status.Reason!, StringComparison.OrdinalIgnoreCase);
        Assert.True(status.RetryAtMs > status.FailingSinceMs);
        Assert.True(status.OldestMs > 0);
    }

    [Fact]
    public async Task new_registrations_hear_of_nothing_that_was_before_them()
    {
        await using var plain = await TestHomeserver.StartAsync();
        var alice = await plain.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        await alice.SendTextAsync(room, "before");
        await using var service = await TestAppservice.StartAsync();
        var folder = Path.Combine(plain.DataFolder, "appservices");
        Directory.CreateDirectory(folder);
        // One that watches every room, so that all of history would be for it.
        await File.WriteAllTextAsync(
            Path.Combine(folder, "watcher.yaml"), BridgedServer.Registration(service.Url, "protocols: []").Replace(
                "namespaces:\n", "namespaces:\n  rooms:\n    - exclusive: false\n      regex: \"!.*\"\n", StringComparison.Ordinal));
        await plain.RestartAsync();
        var after = await alice.SendTextAsync(room, "after");
        Assert.Equal([after], IdsOf(await service.NextTransactionAsync()));
        await BridgedServer.AllIsDeliveredAsync(plain);
        await plain.RestartWithoutDatabaseAsync();
        var later = await alice.SendTextAsync(room, "later");
        Assert.Equal([later], IdsOf(await service.NextTransactionAsync()));
        await BridgedServer.AllIsDeliveredAsync(plain);

        // Other namespaces make other tables, and still nothing comes twice.
        var file = Path.Combine(folder, "watcher.yaml");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("@_irc_", "@_more_", StringComparison.Ordinal));
        await plain.RestartAsync();
        var last = await alice.SendTextAsync(room, "last");
        Assert.Equal([last], IdsOf(await service.NextTransactionAsync()));
    }

    private static IEnumerable<string> IdsOf(ReceivedRequest transaction) =>
        transaction.Json.GetProperty("events").EnumerateArray().Select(one => one.Text("event_id"));
}
