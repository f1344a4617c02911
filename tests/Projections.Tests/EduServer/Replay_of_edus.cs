using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.Projections.Tests.EduServer;

[Collection(RoomserverDatabase.Collection)]
public sealed class Replay_of_edus(RoomserverDatabase database)
{
    [Fact]
    public async Task any_cut_into_batches_gives_the_same_tables()
    {
        var log = RandomEdus(seed: 7);
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 1, 7])
            dumps.Add(await ReplayAsync(log, batchSize));
        Assert.NotEmpty(dumps[0]);
        Assert.All(dumps, dump => Assert.Equal(dumps[0], dump));
    }

    [Fact]
    public async Task a_log_that_kept_only_the_last_record_of_bounded_streams_gives_the_same_tables()
    {
        var log = RandomEdus(seed: 8);
        var kept = new TestLog();
        for (var index = 0; index < log.Records.Count; index++)
        {
            var stream = log.Records[index].Record.Stream;
            var isLast = !log.Records.Skip(index + 1).Any(later => later.Record.Stream == stream);
            if (isLast || stream.Category.SequenceEqual("receipts"))
                kept.Records.Add(log.Records[index]);
        }
        Assert.Equal(await ReplayAsync(log, int.MaxValue), await ReplayAsync(kept, int.MaxValue));
    }

    private async Task<string> ReplayAsync(TestLog log, int batchSize)
    {
        var view = new LiveView();
        var live = new LiveEdus(view, new PresenceWaker(view, null!, NullLogger<PresenceWaker>.Instance));
        // A feed for everybody, so that nobody's rooms have to be read.
        foreach (var user in Users)
            view.Load(view.OpenFeed(user.Value).Feed, []);
        await new EduServerProjection(live).FeedAsync(database.Source, "edus_replayed", log, batchSize);
        return await FedProjection.DumpAsync(
            database.Source,
            "SELECT * FROM edus_replayed.typing ORDER BY room_id",
            "SELECT * FROM edus_replayed.typists ORDER BY room_id, place",
            "SELECT * FROM edus_replayed.receipts ORDER BY room_id, user_id, type, thread_id",
            "SELECT * FROM edus_replayed.presence ORDER BY user_id");
    }

    private static readonly UserId[] Users =
        [UserId.Parse("@ada:t"), UserId.Parse("@bob:t"), UserId.Parse("@cyd:t")];

    private static TestLog RandomEdus(int seed)
    {
        var random = new Random(seed);
        var log = new TestLog();
        RoomId[] rooms = [RoomId.Parse("!one:t"), RoomId.Parse("!two:t")];
        for (var step = 0; step < 300; step++)
        {
            var room = rooms[random.Next(rooms.Length)];
            var user = Users[random.Next(Users.Length)];
            switch (random.Next(3))
            {
                case 0:
                    var typists = Users.Where(_ => random.Next(2) == 0).Select(one => new Typist(one, step));
                    log.Add(
                        new TypingChanged(room, user, random.Next(2) == 0, random.Next(2) == 0, [.. typists]),
                        $"typing-{room.Value}");
                    break;
                case 1:
                    var thread = random.Next(2) == 0 ? null : "main";
                    var type = random.Next(2) == 0 ? ReceiptTypes.Read : ReceiptTypes.ReadPrivate;
                    log.Add(
                        new ReceiptRecorded(room, user, type, log.NextEventId(), thread, step), $"receipts-{room.Value}");
                    break;
                default:
                    log.Add(
                        new PresenceChanged(user, (PresenceState)random.Next(3), $"s{random.Next(2)}", step, false, step),
                        $"presence-{user.Value}");
                    break;
            }
        }
        return log;
    }
}
