namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>However the log is cut into batches, and however often it is replayed, the tables are the same.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Replay_law(RoomserverDatabase database)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task any_cut_into_batches_gives_the_same_tables(int seed)
    {
        var life = new RandomRooms(seed);
        for (var step = 0; step < 400; step++)
            life.Step();
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 1, 7, int.MaxValue])
        {
            var harness = await RoomserverHarness.CreateAsync(database.Source, $"replay_{seed}_{dumps.Count}");
            await harness.ForgetStateNodesAsync();
            await harness.FollowAsync(life.Log, batchSize);
            dumps.Add(await harness.DumpAsync());
        }
        for (var index = 1; index < dumps.Count; index++)
            Assert.Equal(dumps[0], dumps[index]);
    }
}
