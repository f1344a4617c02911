using System.Collections.Concurrent;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.AppService;

public sealed class Transactions_and_crashes
{
    /// <summary>The service took a transaction, and the server ended before it knew; meanwhile more was said.</summary>
    [Fact]
    public async Task a_transaction_under_way_is_sent_again_as_it_was_although_more_waits()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        await world.Service.NextTransactionAsync();

        var taken = new ConcurrentQueue<ReceivedRequest>();
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var never = new TaskCompletionSource<(int, string)?>(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Service.Answer = request =>
        {
            taken.Enqueue(request);
            arrived.TrySetResult();
            return never.Task;
        };
        var first = await alice.SendTextAsync(room, "first");
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var second = await alice.SendTextAsync(room, "second");
        await world.Server.StopAsync();
        never.SetResult(null);
        world.Service.Answer = request =>
        {
            taken.Enqueue(request);
            return Task.FromResult<(int, string)?>(null);
        };
        await world.Server.RestartWithoutDatabaseAsync();
        await world.Service.NextEventAsync(one => one.Text("event_id") == second);

        var all = taken.ToList();
        Assert.Equal((all[0].Path, all[0].Body), (all[1].Path, all[1].Body));
        Assert.Equal([first], IdsOf(all[1]));
        Assert.Equal([second], IdsOf(all[2]));
        Assert.Equal(3, all.Count);
    }

    [Fact]
    public async Task a_service_that_is_away_holds_up_neither_the_other_nor_anybody_else()
    {
        await using var away = await TestAppservice.StartAsync();
        var blocked = new TaskCompletionSource<(int, string)?>(TaskCreationOptions.RunContinuationsAsynchronously);
        away.Answer = _ => blocked.Task;
        await using var world = await BridgedServer.StartAsync(other: away.Url);
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        for (var n = 0; n < 20; n++)
        {
            var id = await alice.SendTextAsync(room, $"message {n}");
            await world.Service.NextEventAsync(one => one.Text("event_id") == id);
        }
        blocked.SetResult(null);
    }

    [Fact]
    public async Task what_was_delivered_is_in_the_log()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        var id = await alice.SendTextAsync(room, "hello");
        await world.Service.NextEventAsync(one => one.Text("event_id") == id);
        var log = world.Server.Services.GetRequiredService<IEventStore>();
        var facts = new List<IFact>();
        await foreach (var record in log.ReadStreamAsync(
            new StreamName("appservice", "irc"), null, ReadDirection.Forwards, 100))
        {
            facts.Add(FactCodec.Decode(record.Type, record.Data));
        }
        Assert.IsType<AppserviceTransactionDelivered>(facts[0]);
        Assert.IsType<AppserviceTransactionBegun>(facts[1]);
        // Each says no less than the one before it.
        var delivered = facts.Select(fact => fact switch
        {
            AppserviceTransactionBegun begun => begun.DeliveredUpTo,
            AppserviceTransactionDelivered taken => taken.UpTo,
            _ => -1,
        }).ToList();
        Assert.Equal(delivered.Order(), delivered);
    }

    private static IEnumerable<string> IdsOf(ReceivedRequest transaction) =>
        transaction.Json.GetProperty("events").EnumerateArray().Select(one => one.Text("event_id"));
}
