using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>Stretches say of every message what the history says of it.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Visible_stretches(RoomserverDatabase database)
{
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task hold_exactly_the_messages_that_a_reader_may_see(int seed)
    {
        var life = new RandomRooms(seed);
        for (var step = 0; step < 400; step++)
            life.Step();
        var harness = await RoomserverHarness.CreateAsync(database.Source, $"stretches_{seed}");
        await harness.FollowAsync(life.Log);
        var reader = new VisibleStretchReader(database.Source, harness, harness.Reader);
        var rooms = life.Rooms.ConvertAll(room => room.RoomId);
        var ids = life.Log.Records.Select(record => record.Fact).OfType<PduRecorded>()
            .Where(fact => fact.Disposition == PduDisposition.Accepted).Select(fact => fact.EventId.Value).ToList();
        foreach (var user in RandomRooms.Users)
        {
            foreach (var upTo in (long[])[life.Log.Head / 2, life.Log.Head])
            {
                var stretches = await reader.ReadAsync([.. rooms, "!unknown:t"], user, upTo, default);
                var batch = harness.Reader.Begin();
                var histories = batch.Histories(rooms, user);
                var events = batch.Events(ids);
                await batch.ExecuteAsync(default);
                foreach (var stored in events.Where(stored => stored.StateKey is null))
                {
                    var expected = stored.Position <= upTo && histories[stored.RoomId].CanSee(stored);
                    var actual = stretches.Ranges.Any(range =>
                        range.RoomId == stored.RoomId && stored.Position > range.After && stored.Position <= range.UpTo);
                    Assert.True(expected == actual, $"{user} {stored.EventId} at {stored.Position}: {expected}");
                }
            }
        }
    }
}
