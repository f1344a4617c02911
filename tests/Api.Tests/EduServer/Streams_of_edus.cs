using System.Text;
using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.FedSender;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.EduServer;

public sealed class Streams_of_edus
{
    [Fact]
    public async Task keep_only_what_is_still_of_use()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        (await world.TypeAsync(world.Alice, true)).Ok();
        var sent = await world.Alice.SendTextAsync(world.Room, "one");
        (await world.ReadAsync(world.Bob, sent)).Ok();
        await world.Alice.SyncAsync();
        var log = world.Server.Services.GetRequiredService<IEventStore>();

        Assert.Equal(Limits.EduStreamRecordsMax, (await log.ReadStreamMetadataAsync(Typing(world))).MaxCount);
        Assert.Equal(
            Limits.EduStreamRecordsMax,
            (await log.ReadStreamMetadataAsync(new(StreamCategories.Presence, world.Alice.UserId))).MaxCount);
        Assert.Null((await log.ReadStreamMetadataAsync(new(StreamCategories.Receipts, world.Room))).MaxCount);
    }

    [Fact]
    public async Task become_the_edus_of_a_transaction()
    {
        await using var world = await EduWorld.StartAsync();
        (await world.TypeAsync(world.Alice, true)).Ok();
        var log = world.Server.Services.GetRequiredService<IEventStore>();
        var rows = new List<QueuedFact>();
        await foreach (var record in log.ReadStreamAsync(Typing(world), null, ReadDirection.Forwards, 10))
            rows.Add(new((long)record.Position.Value, record.Stream, record.Revision, IsPdu: false, record.CreatedMs));
        var builder = world.Server.Services.GetRequiredService<TransactionBuilder>();

        var transaction = await builder.BuildAsync(
            ServerName.Parse("away.org"), rows, CancellationToken.None);
        using var content = JsonDocument.Parse(Encoding.UTF8.GetString(transaction.Content!));
        var edu = Assert.Single(content.RootElement.GetProperty("edus").EnumerateArray());
        Assert.Equal("m.typing", edu.GetProperty("edu_type").GetString());
        Assert.Equal(world.Room, edu.GetProperty("content").GetProperty("room_id").GetString());
    }

    private static StreamName Typing(EduWorld world) => new(StreamCategories.Typing, world.Room);
}
