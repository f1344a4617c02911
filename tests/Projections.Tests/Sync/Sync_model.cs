using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.Sync;

/// <summary>What a client puts together from the answers of /sync is what the server holds.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Sync_model(RoomserverDatabase database)
{
    [Theory]
    [InlineData(11, false)]
    [InlineData(12, false)]
    [InlineData(13, true)]
    [InlineData(14, true)]
    public async Task state_put_together_from_deltas_is_the_state_of_the_room(int seed, bool useStateAfter)
    {
        var random = new Random(seed);
        var life = new RandomRooms(seed);
        var harness = await RoomserverHarness.CreateAsync(database.Source, $"model_{seed}");
        var clients = RandomRooms.Users.ToDictionary(user => user, _ => new SyncClient(useStateAfter));
        for (var round = 0; round < 60; round++)
        {
            for (var step = random.Next(1, 25); step > 0; step--)
                life.Step();
            await harness.FollowAsync(life.Log, 5);
            var user = RandomRooms.Users[random.Next(RandomRooms.Users.Length)];
            var client = clients[user];
            client.Take(await SyncAsync(harness, user, client.Token, useStateAfter, limit: 4));
            await CompareAsync(harness, user, client, seed);
        }
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public async Task memory_and_tables_give_the_same_answers(int seed)
    {
        var random = new Random(seed);
        var life = new RandomRooms(seed);
        var withMemory = await RoomserverHarness.CreateAsync(database.Source, $"memory_{seed}");
        var withoutMemory = await RoomserverHarness.CreateAsync(
            database.Source, $"tables_{seed}", new() { EventsMax = 0 });
        var userToToken = new Dictionary<string, long>();
        for (var round = 0; round < 60; round++)
        {
            for (var step = random.Next(1, 20); step > 0; step--)
                life.Step();
            await withMemory.FollowAsync(life.Log, 3);
            await withoutMemory.FollowAsync(life.Log);
            var user = RandomRooms.Users[random.Next(RandomRooms.Users.Length)];
            long? token = userToToken.TryGetValue(user, out var known) ? known : null;
            var useStateAfter = random.Next(2) == 0;
            var first = await SyncAsync(withMemory, user, token, useStateAfter, limit: 6);
            var second = await SyncAsync(withoutMemory, user, token, useStateAfter, limit: 6);
            Assert.Equal($"seed {seed}\n" + SyncClient.Describe(second), $"seed {seed}\n" + SyncClient.Describe(first));
            userToToken[user] = first.NextBatch;
        }
    }

    private static async Task<SyncAnswer> SyncAsync(
        RoomserverHarness harness, string user, long? since, bool useStateAfter, int limit) =>
        await harness.Engine.AnswerAsync(
            new(UserId.Parse(user), "DEVICE")
            {
                Since = since,
                UseStateAfter = useStateAfter,
                Filter = new() { Timeline = new() { Limit = limit } },
            },
            default,
            default);

    private static async Task CompareAsync(RoomserverHarness harness, string user, SyncClient client, int seed)
    {
        var memberships = await harness.Reader.ReadMembershipsAsync(user, default);
        Assert.Equal(
            memberships.Where(row => row.Membership == Membership.Join).Select(row => row.RoomId),
            client.Joined);
        Assert.Equal(
            memberships.Where(row => row.Membership == Membership.Invite).Select(row => row.RoomId),
            client.Invited);
        foreach (var room in client.Joined)
        {
            var state = await harness.Reader.ReadStateAsync(new(room, harness.Applied, 0, true), default);
            var expected = state.Select(
                stored => $"{SyncClient.Key(stored)}={stored.EventId}").Order(StringComparer.Ordinal);
            var actual = client.RoomIdToState[room].Select(
                entry => $"{entry.Key}={entry.Value}").Order(StringComparer.Ordinal);
            Assert.Equal(expected.Prepend($"seed {seed} {user} {room}"), actual.Prepend($"seed {seed} {user} {room}"));
        }
    }
}
