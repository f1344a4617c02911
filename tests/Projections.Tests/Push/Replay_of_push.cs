using System.Globalization;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Push;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.Push;

[Collection(RoomserverDatabase.Collection)]
public sealed class Replay_of_push(RoomserverDatabase database)
{
    private static readonly string[] Tables =
    [
        "shared ORDER BY event_id", "personal ORDER BY user_id, room_id, position",
        "sent ORDER BY user_id, room_id, thread_id", "threads ORDER BY event_id", "rules ORDER BY user_id",
        "rooms ORDER BY room_id", "members ORDER BY room_id, user_id", "member_events ORDER BY event_id",
        "levels ORDER BY event_id",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task any_cut_into_batches_gives_the_same_tables(int seed)
    {
        var life = new RandomRooms(seed);
        var random = new Random(seed);
        for (var step = 0; step < 400; step++)
        {
            life.Step();
            if (step % 9 == 0)
                SetRules(life.Log, RandomRooms.Users[random.Next(RandomRooms.Users.Length)], random.Next(5));
            if (step % 5 == 0)
                Relate(life, random);
        }
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 1, 7])
            dumps.Add(await ReplayAsync(life.Log, batchSize));
        Assert.Contains("@ada:t", dumps[0], StringComparison.Ordinal);
        Assert.All(dumps, dump => Assert.Equal(dumps[0], dump));
    }

    [Fact]
    public async Task the_oldest_rows_of_a_room_go_wherever_batches_end()
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!big:t", "@ada:t");
        room.Member("@bob:t", "@bob:t", "join");
        SetRules(log, "@bob:t", 1);
        for (var index = 0; index < PushLimits.RoomHistoryMax + 600; index++)
            room.Message("@ada:t", "cake");
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 97, 256])
            dumps.Add(await ReplayAsync(log, batchSize));
        Assert.All(dumps, dump => Assert.Equal(dumps[0], dump));
        foreach (var table in (string[])["shared", "personal"])
        {
            var count = await FedProjection.DumpAsync(
                database.Source, $"SELECT count(*), max(ordinal) - min(ordinal) FROM push_replayed.{table}");
            // 5,726 PDUs came; 5,632 is the last multiple of 256, from there 5,120 back.
            Assert.Equal("(5214,5213)\n", count);
        }
    }

    private static void SetRules(TestLog log, string user, int kind)
    {
        var rules = kind switch
        {
            0 => """{"global":{} }""",
            1 => """
                {"global":{"content":[{"rule_id":"cake","pattern":"cake","enabled":true,
                "actions":["notify",{"set_tweak":"highlight"}]}]} }
                """,
            2 => """{"global":{"room":[{"rule_id":"!room1:t","enabled":true,"actions":[]}]} }""",
            3 => """
                {"global":{"override":[{"rule_id":"name","enabled":true,"actions":["notify",{"set_tweak":"highlight"}],
                "conditions":[{"kind":"contains_display_name"}]}]} }
                """,
            _ => """{"global":{"override":[{"rule_id":".m.rule.master","default":true,"enabled":true,"actions":[]}]} }""",
        };
        log.Add(
            new AccountDataSet(UserId.Parse(user), null, "m.push_rules", RawJson.FromText(rules)),
            $"accountdata-{user}");
    }

    private static void Relate(RandomRooms life, Random random)
    {
        if (life.Rooms.Count == 0)
            return;
        var room = life.Rooms[random.Next(life.Rooms.Count)];
        if (room.Messages.Count == 0)
            return;
        var parent = room.Messages[random.Next(room.Messages.Count)].Id;
        var type = random.Next(2) == 0 ? "m.thread" : "m.reference";
        var mentioned = RandomRooms.Users[random.Next(RandomRooms.Users.Length)];
        var id = room.Send(
            "m.room.message",
            null,
            room.Creator,
            $$$"""
            {"body":"name{{{random.Next(5).ToString(CultureInfo.InvariantCulture)}}}","m.mentions":{"user_ids":["{{{mentioned}}}"]},
            "m.relates_to":{"event_id":"{{{parent}}}","rel_type":"{{{type}}}"},"msgtype":"m.text"}
            """);
        room.Messages.Add((id, room.Creator));
    }

    private async Task<string> ReplayAsync(TestLog log, int batchSize)
    {
        await new PushProjection(new LiveUnread(), ServerName.Parse("t"))
            .FeedAsync(database.Source, "push_replayed", log, batchSize);
        return await FedProjection.DumpAsync(
            database.Source,
            [.. Tables.Select(table => $"SELECT * FROM push_replayed.{table}")]);
    }
}
