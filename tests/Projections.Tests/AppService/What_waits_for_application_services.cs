using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;
using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

namespace Matrix.EventSourced.Projections.Tests.AppService;

[Collection(RoomserverDatabase.Collection)]
public sealed class What_waits_for_application_services(RoomserverDatabase database)
{
    private const string Schema = "appservices_waiting";
    private static readonly UserId Ada = UserId.Parse("@ada:t");
    private static readonly UserId Ghost = UserId.Parse("@_irc_ghost:t");
    private static readonly UserId Far = UserId.Parse("@_irc_far:away.org");

    private static readonly AppserviceSet Services = new(
    [
        Service("irc", users: "@_irc_.*", isEphemeral: true),
        Service("secret", users: "@_secret_.*") with { TracksDevices = true },
        Service("quiet", users: "@_quiet_.*", aliases: "#_quiet_.*"),
        Service("rooms", rooms: "!watched.*"),
    ]);

    [Fact]
    public async Task rooms_count_while_one_of_its_users_is_there_from_the_join_to_the_leave()
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!one:t", Ada.Value);
        room.Message(Ada.Value, "unheard");
        room.Member(Far.Value, Far.Value, "join");
        room.Message(Ada.Value, "of another server's users nobody hears");
        var invite = room.Member(Ada.Value, Ghost.Value, "invite");
        room.Message(Ada.Value, "unheard, too");
        var join = room.Member(Ghost.Value, Ghost.Value, "join");
        var heard = room.Message(Ada.Value, "heard");
        var leave = room.Member(Ada.Value, Ghost.Value, "leave");
        room.Message(Ada.Value, "unheard again");
        Assert.Equal(PositionsOf(log, invite, join, heard, leave), await QueuedAsync(log, "irc"));
    }

    [Fact]
    public async Task rooms_count_by_their_ids_and_aliases()
    {
        var log = new TestLog();
        var watched = new TestRoom(log, "!watched1:t", Ada.Value);
        Assert.Equal(log.Records.Count, (await QueuedAsync(log, "rooms")).Count);

        var room = new TestRoom(log, "!aliased:t", Ada.Value);
        var alias = RoomAlias.Parse("#_quiet_room:t");
        room.Message(Ada.Value, "before");
        log.Add(new AliasCreated(alias, RoomId.Parse(room.RoomId), Ada), "alias-x");
        var heard = room.Message(Ada.Value, "while it has the alias");
        log.Add(new AliasDeleted(alias, RoomId.Parse(room.RoomId), Ada), "alias-x");
        room.Message(Ada.Value, "after");
        watched.Message(Ada.Value, "not for the others");
        Assert.Equal(PositionsOf(log, heard), await QueuedAsync(log, "quiet"));
    }

    [Fact]
    public async Task ephemeral_facts_go_to_who_wants_them_and_private_receipts_to_their_owner()
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!one:t", Ada.Value);
        room.Member(Ghost.Value, Ghost.Value, "join");
        room.Member("@_quiet_one:t", "@_quiet_one:t", "join");
        var alone = new TestRoom(log, "!alone:t", Ada.Value);
        var before = log.Head;
        log.Add(Typing(room, Ada), "typing-heard");
        log.Add(Typing(room, Ada) with { IsContinued = true }, "typing-continued");
        log.Add(Typing(alone, Ada), "typing-alone");
        log.Add(Receipt(room, Ada, "m.read"), "receipts-heard");
        log.Add(Receipt(room, Ada, "m.read.private"), "receipts-others-private");
        log.Add(Receipt(room, Ghost, "m.read.private"), "receipts-own-private");
        log.Add(Presence(Ada), "presence-shared");
        log.Add(Presence(Ada) with { IsRepeated = true }, "presence-repeated");
        log.Add(Presence(UserId.Parse("@nobody:t")), "presence-stranger");
        log.Add(Presence(UserId.Parse("@_irc_alone:t")), "presence-own");
        Assert.Equal(
            ["typing-heard", "receipts-heard", "receipts-own-private", "presence-shared", "presence-own"],
            await StreamsAsync(log, "irc", before));
        Assert.Empty(await StreamsAsync(log, "quiet", before));
    }

    [Fact]
    public async Task what_is_about_devices_goes_to_who_wants_it()
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!one:t", Ada.Value);
        room.Member(Ghost.Value, Ghost.Value, "join");
        var secret = UserId.Parse("@_secret_one:t");
        var shared = new TestRoom(log, "!two:t", Ada.Value);
        shared.Member(secret.Value, secret.Value, "join");
        var before = log.Head;
        log.Add(Message(Ghost), "todevice-irc");
        log.Add(Message(secret), "todevice-secret");
        log.Add(Message(Ada), "todevice-nobody");
        log.Add(List(Ada), "devicekeys-shared");
        log.Add(List(Ada) with { IsRepeated = true }, "devicekeys-repeated");
        log.Add(List(UserId.Parse("@nobody:t")), "devicekeys-stranger");
        log.Add(List(secret), "devicekeys-own");
        log.Add(Keys(secret), "onetimekeys-own");
        log.Add(Keys(Ghost), "onetimekeys-others");
        Assert.Equal(["todevice-irc"], await StreamsAsync(log, "irc", before));
        Assert.Equal(
            ["todevice-secret", "devicekeys-shared", "devicekeys-own", "onetimekeys-own"],
            await StreamsAsync(log, "secret", before));
        Assert.Empty(await StreamsAsync(log, "quiet", before));
    }

    [Fact]
    public async Task of_a_service_that_is_away_only_the_latest_ephemeral_waits_and_its_transaction_stays_whole()
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!one:t", Ada.Value);
        room.Member(Ghost.Value, Ghost.Value, "join");
        log.Add(Receipt(room, Ada, "m.read"), "receipts-under-way");
        log.Add(new AppserviceDeliveryFailed("irc", 0, log.Head, 1, 1, 2, "away"), "appservice-irc");
        var before = log.Head;
        log.Add(Typing(room, Ada), "typing-lost");
        log.Add(Receipt(room, Ada, "m.read"), "receipts-1");
        log.Add(Presence(Ada), "presence-1");
        log.Add(Receipt(room, Ada, "m.read"), "receipts-2");
        log.Add(Presence(Ada), "presence-2");
        log.Add(Message(Ghost), "todevice-1");
        log.Add(Message(Ghost), "todevice-2");
        Assert.Equal(
            ["receipts-2", "presence-2", "todevice-1", "todevice-2"], await StreamsAsync(log, "irc", before));
        Assert.Contains("receipts-under-way", await StreamsAsync(log, "irc", 0));
    }

    [Fact]
    public async Task nothing_waits_that_was_delivered_or_came_before_the_service()
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!one:t", Ada.Value);
        room.Member(Ghost.Value, Ghost.Value, "join");
        var delivered = log.Head;
        var heard = room.Message(Ada.Value, "heard");
        Assert.Equal(PositionsOf(log, heard), await QueuedAsync(log, "irc", followedFrom: delivered));
        Assert.Empty(await QueuedAsync(log, "irc", followedFrom: null));
        log.Add(new AppserviceTransactionBegun("irc", log.Head, log.Head + 3), "appservice-irc");
        Assert.Empty(await QueuedAsync(log, "irc"));
    }

    [Fact]
    public async Task any_cut_into_batches_gives_the_same_tables()
    {
        var rooms = new RandomRooms(seed: 21);
        var random = new Random(21);
        for (var step = 0; step < 400; step++)
        {
            rooms.Step();
            var room = rooms.Rooms[random.Next(rooms.Rooms.Count)];
            switch (random.Next(15))
            {
                case 0:
                    room.Member(Ghost.Value, Ghost.Value, random.Next(2) == 0 ? "join" : "leave");
                    break;
                case 1:
                    rooms.Log.Add(Receipt(room, Ada, random.Next(2) == 0 ? "m.read" : "m.read.private"), "receipts-x");
                    break;
                case 2:
                    rooms.Log.Add(Presence(Ada), "presence-x");
                    break;
                case 3:
                    rooms.Log.Add(
                        new NetworkListingChanged(RoomId.Parse(room.RoomId), "irc", "net", random.Next(2) == 0), "networklist-x");
                    break;
                case 4:
                    rooms.Log.Add(
                        new AppserviceDeliveryFailed("irc", rooms.Log.Head - 60, rooms.Log.Head - 30, 1, 1, 2, "away"), "appservice-irc");
                    break;
                case 6:
                    rooms.Log.Add(Message(Ghost), "todevice-x");
                    break;
                case 7:
                    rooms.Log.Add(List(Ada), "devicekeys-x");
                    break;
                case 8:
                    rooms.Log.Add(
                        new AppserviceDeliveryFailed("secret", rooms.Log.Head - 60, rooms.Log.Head - 30, 1, 1, 2, "away"),
                        "appservice-secret");
                    break;
                case 9:
                    room.Member("@_secret_one:t", "@_secret_one:t", random.Next(2) == 0 ? "join" : "leave");
                    break;
                case 5:
                    rooms.Log.Add(new AppserviceTransactionDelivered("irc", rooms.Log.Head - 30), "appservice-irc");
                    break;
            }
        }
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 1, 7])
        {
            await FeedAsync(rooms.Log, batchSize, followedFrom: 0);
            dumps.Add(await FedProjection.DumpAsync(
                database.Source,
                $"SELECT * FROM {Schema}.queue ORDER BY appservice, position",
                $"SELECT * FROM {Schema}.interest ORDER BY room_id, appservice",
                $"SELECT * FROM {Schema}.members ORDER BY room_id, user_id",
                $"SELECT * FROM {Schema}.services ORDER BY appservice",
                $"SELECT * FROM {Schema}.listings ORDER BY room_id"));
        }
        Assert.Contains("irc", dumps[0], StringComparison.Ordinal);
        Assert.All(dumps, dump => Assert.Equal(dumps[0], dump));
    }

    private async Task<List<string>> QueuedAsync(TestLog log, string service, long? followedFrom = 0)
    {
        await FeedAsync(log, int.MaxValue, followedFrom);
        return await LinesAsync($"SELECT position FROM {Schema}.queue WHERE appservice = '{service}' ORDER BY position");
    }

    private async Task<List<string>> StreamsAsync(TestLog log, string service, long after)
    {
        await FeedAsync(log, int.MaxValue, followedFrom: 0);
        return await LinesAsync(
            $"SELECT stream FROM {Schema}.queue WHERE appservice = '{service}' AND position > {after} ORDER BY position");
    }

    private async Task<List<string>> LinesAsync(string sql) =>
        [.. (await FedProjection.DumpAsync(database.Source, sql)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Trim('(', ')'))];

    private async Task FeedAsync(TestLog log, int batchSize, long? followedFrom)
    {
        var streams = new InMemoryEventStore(TimeProvider.System);
        foreach (var service in Services.All)
        {
            if (followedFrom is not { } from)
                continue;
            var (type, data) = FactCodec.Encode(new AppserviceTransactionDelivered(service.Id, from));
            await streams.AppendAsync(
                new StreamName("appservice", service.Id),
                ExpectedRevision.Any,
                [new NewRecord(Guid.NewGuid(), type, data, "{}"u8.ToArray())]);
        }
        var projection = new AppserviceProjection(new AppserviceSignals(), streams, Services);
        await projection.FeedAsync(database.Source, Schema, log, batchSize);
    }

    private static List<string> PositionsOf(TestLog log, params EventId[] events) =>
        [.. log.Records.Where(record => record.Fact is PduRecorded pdu && events.Contains(pdu.EventId))
            .Select(record => record.Record.Position.Value.ToString(System.Globalization.CultureInfo.InvariantCulture))];

    private static TypingChanged Typing(TestRoom room, UserId user) =>
        new(RoomId.Parse(room.RoomId), user, IsTyping: true, IsContinued: false, [new Typist(user, 1)]);

    private static ToDeviceSent Message(UserId recipient) =>
        new(recipient, Ada, "m.test", "id", [new DeviceMessage("*", RawJson.FromText("{}"))]);

    private static DeviceListUpdated List(UserId user) => new(user, "DEV", 1, null, null, null);

    private static OneTimeKeyClaimed Keys(UserId user) => new(user, "DEV", "a:1", new KeySupply([], []));

    private static ReceiptRecorded Receipt(TestRoom room, UserId user, string type) =>
        new(RoomId.Parse(room.RoomId), user, type, EventId.Parse("$read"), null, 1);

    private static PresenceChanged Presence(UserId user) => new(user, PresenceState.Online, null, 1, true, 1);

    private static AppserviceRegistration Service(
        string id, string? users = null, string? rooms = null, string? aliases = null, bool isEphemeral = false) => new()
        {
            Id = id,
            AsToken = id,
            HsToken = id,
            Sender = UserId.Parse($"@{id}-bot:t"),
            Users = Namespaces(users),
            Rooms = Namespaces(rooms),
            Aliases = Namespaces(aliases),
            ReceivesEphemeral = isEphemeral,
        };

    private static System.Collections.Immutable.ImmutableArray<AppserviceNamespace> Namespaces(string? pattern) =>
        pattern is not null && AppserviceNamespace.TryCreate(pattern, false, out var created, out _) ? [created] : [];
}
