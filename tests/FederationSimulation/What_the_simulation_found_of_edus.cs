using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What seeds found in how EDUs are sent and taken, told again with nothing but what it needs. The checks at a run's
/// end hold in each.</summary>
public sealed class What_the_simulation_found_of_edus
{
    private const int Seeds = 6;
    private const int HourMs = 60 * 60 * 1000;

    /// <summary>The append was durable though it had failed: nobody watched over it, and the user typed for ever.</summary>
    [Fact]
    public void typing_ends_where_the_disk_did_not_say_that_it_has_it() => Run(1, async run =>
    {
        var room = await CreateAsync(run);
        run.Servers[0].Process!.Log.FailLater(1, afterDurable: true);
        await Assert.ThrowsAsync<EventStoreException>(() => TypeAsync(run, 0, room));
        await run.QuietAsync();
        Assert.Empty((await TablesAsync(run, 0)).Typing);
    });

    /// <summary>The same with a presence: the user was online for ever.</summary>
    [Fact]
    public void presence_ends_where_the_disk_did_not_say_that_it_has_it() => Run(1, async run =>
    {
        run.Servers[0].Process!.Log.FailLater(1, afterDurable: true);
        await Assert.ThrowsAsync<EventStoreException>(() => SetPresenceAsync(run, 0, PresenceState.Online));
        await run.QuietAsync();
        Assert.Equal(PresenceState.Offline, (await TablesAsync(run, 0)).Presence[run.Servers[0].Users[0]].Presence);
    });

    /// <summary>A presence of while a server was away was never said: it held for present who had gone.</summary>
    [Fact]
    public void presence_reaches_who_was_away() => Run(2, async run =>
    {
        await ShareAsync(run);
        await SetPresenceAsync(run, 0, PresenceState.Online);
        await run.World.WaitAsync(1_000);
        Cut(run);
        await SetPresenceAsync(run, 0, PresenceState.Unavailable, "so long");
        await run.World.WaitAsync(20_000);
        await SetPresenceAsync(run, 0, PresenceState.Offline, "gone");
        await run.World.WaitAsync(20_000);
        run.Network.Heal();
        await run.World.WaitAsync(90_000);
        var seen = (await TablesAsync(run, 1)).Presence[run.Servers[0].Users[0]];
        Assert.Equal((PresenceState.Offline, "gone"), (seen.Presence, seen.StatusMsg));
    });

    /// <summary>What was said of a receipt while a server was away for longer than an hour was lost.</summary>
    [Fact]
    public void receipts_reach_who_was_away_for_long() => Run(2, async run =>
    {
        var room = await ShareAsync(run);
        Cut(run);
        for (var i = 0; i < 4; i++)
        {
            var eventId = await SayAsync(run, 0, room);
            await ReadAsync(run, 0, room, eventId);
            await run.World.WaitAsync(HourMs);
        }
        var last = await SayAsync(run, 0, room);
        await ReadAsync(run, 0, room, last);
        Assert.Equal(2, run.Servers[0].Tables.Deliveries.CountFor(run.Servers[1].Name));
        run.Network.Heal();
        await run.QuietAsync();
        Assert.Equal(last, (await TablesAsync(run, 1)).Receipts[(room, run.Servers[0].Users[0], "m.read", null)].EventId);
    });

    /// <summary>A server that went away for good left its users there for ever.</summary>
    [Fact]
    public void users_of_a_server_that_is_gone_are_forgotten() => Run(2, async run =>
    {
        await ShareAsync(run);
        await SetPresenceAsync(run, 1, PresenceState.Online);
        await run.World.WaitAsync(1_000);
        Assert.Equal(PresenceState.Online, (await TablesAsync(run, 0)).Presence[run.Servers[1].Users[0]].Presence);
        run.Servers[1].Crash();
        await run.World.WaitAsync(Limits.PresenceRemoteMs + 90_000);
        Assert.Equal(PresenceState.Offline, (await TablesAsync(run, 0)).Presence[run.Servers[1].Users[0]].Presence);
    });

    /// <summary>Who stays is said to be there again, before others forget them, and nobody here hears of that.</summary>
    [Fact]
    public void users_who_stay_are_not_forgotten() => Run(2, async run =>
    {
        await ShareAsync(run);
        using var poll = await run.Servers[1].Process!.Find<PresenceTracker>().PollAsync(run.Servers[1].Users[0], PresenceState.Online);
        await run.World.WaitAsync(3 * Limits.PresenceRemoteMs);
        Assert.Equal(PresenceState.Unavailable, (await TablesAsync(run, 0)).Presence[run.Servers[1].Users[0]].Presence);
    });

    /// <summary>A transaction that came again after its receiver had died brought back what had been read before.</summary>
    [Fact]
    public void a_late_receipt_does_not_undo_a_later_one() => Run(2, async run =>
    {
        var room = await ShareAsync(run);
        var (first, second) = (await SayAsync(run, 0, room), await SayAsync(run, 0, room));
        await run.World.WaitAsync(1_000);
        WireRequest? late = null;
        run.Network.Loses = request =>
        {
            if (request.IsTransaction && System.Text.Encoding.UTF8.GetString(request.Content.Span).Contains("m.receipt", StringComparison.Ordinal))
                late ??= request;
            return false;
        };
        await ReadAsync(run, 0, room, first);
        await run.World.WaitAsync(1_000);
        await ReadAsync(run, 0, room, second);
        await run.World.WaitAsync(1_000);
        run.Servers[1].Crash();
        await run.Servers[1].StartAsync();
        Assert.Equal(200, (await run.Servers[1].AnswerAsync(late!)).Status);
        Assert.Equal(second, (await TablesAsync(run, 1)).Receipts[(room, run.Servers[0].Users[0], "m.read", null)].EventId);
    });

    /// <summary>Receipts and typing went on to a server whose users are in the room, and which the room keeps out.</summary>
    [Fact]
    public void nothing_but_pdus_goes_to_whom_the_room_keeps_out() => Run(2, async run =>
    {
        var room = await ShareAsync(run);
        var (process, user) = (run.Servers[0].Process!, run.Servers[0].Users[0]);
        await KeepOutAsync("\"s2.test\"");
        await run.World.WaitAsync(1_000);
        var told = 0;
        run.Network.Loses = request =>
        {
            told += request.IsTransaction && request.Destination == run.Servers[1].Name
                ? JsonElement.Parse(request.Content.Span).GetProperty("edus").GetArrayLength()
                : 0;
            return false;
        };
        await TypeAsync(run, 0, room);
        await ReadAsync(run, 0, room, await SayAsync(run, 0, room));
        await run.World.WaitAsync(1_000);
        Assert.Equal(0, told);
        await KeepOutAsync("");
        await run.World.WaitAsync(1_000);

        async Task KeepOutAsync(string servers) =>
            Assert.IsType<CommandResult<EventId>.Done>(await process.SendAsync(new SendState(
                process.ContextOf(user), room, user, "m.room.server_acl", "",
                JsonElement.Parse($$"""{"allow":["*"],"deny":[{{servers}}]}"""))));
    });

    /// <summary>An append holds a megabyte: a message for twenty devices was more, and the answer was 500.</summary>
    [Theory]
    [InlineData(20, 60_000)]
    [InlineData(7_000, 1)]
    public void messages_for_many_devices_come_whole_and_in_order(int devices, int bytes) => Run(2, seeds: 1, async run =>
    {
        var (process, user) = (run.Servers[0].Process!, run.Servers[0].Users[0]);
        foreach (var recipient in new[] { run.Servers[0].Users[1], run.Servers[1].Users[0] })
        {
            var messages = Enumerable.Range(0, devices).Select(i => new DeviceMessage(
                i.ToString("d200", CultureInfo.InvariantCulture),
                RawJson.FromText($$"""{"x":"{{new string('x', bytes)}}"}"""))).ToList();
            Assert.IsType<CommandResult<MediatR.Unit>.Done>(await process.SendAsync(new SendToDevice(
                process.ContextOf(user),
                new TransactionKey(user, "DEVICE", "sendToDevice/m.test", recipient.Value),
                "m.test",
                [new ToDeviceRecipient(recipient, messages)])));
        }
        await run.QuietAsync();
        var got = run.Servers[1].Watch.Got[run.Servers[0].Name];
        Assert.Equal(run.Servers[0].Watch.Sent[run.Servers[1].Name], got);
        Assert.True(got.Count > 1, "it fits into one EDU");
    });

    /// <summary>Each of ten thousand event ids of one receipt became a fact.</summary>
    [Fact]
    public void a_receipt_of_many_events_is_one() => Run(2, async run =>
    {
        var room = await ShareAsync(run);
        var (process, user) = (run.Servers[0].Process!, run.Servers[1].Users[0]);
        var eventIds = string.Join(',', Enumerable.Range(0, 10_000).Select(i => $"\"$e{i}\""));
        var before = await run.Servers[0].Tables.ReadHeadAsync();
        await process.Find<InboundEdus>().TakeAsync(
            new CommandContext(new FactActor(Server: "s2.test"), 5, "edu"),
            run.Servers[1].Name,
            JsonElement.Parse($$"""
                {"edu_type":"m.receipt","content":{"{{room}}":{"m.read":{"{{user}}":{"event_ids":[{{eventIds}}],"data":{"ts":7} } } } } }
                """));
        Assert.Equal(before + 1, await run.Servers[0].Tables.ReadHeadAsync());
        Assert.Equal("$e9999", (await TablesAsync(run, 0)).Receipts[(room, user, "m.read", null)].EventId.Value);
    });

    /// <summary>A server filled the log with the presence of users whom nobody here sees.</summary>
    [Fact]
    public void presence_of_users_whom_nobody_sees_is_not_kept() => Run(2, async run =>
    {
        await ShareAsync(run);
        var before = await run.Servers[0].Tables.ReadHeadAsync();
        var push = string.Join(',', Enumerable.Range(0, 1_000).Select(i => $$"""{"user_id":"@u{{i}}:s2.test","presence":"online"}"""));
        await run.Servers[0].Process!.Find<InboundEdus>().TakeAsync(
            new CommandContext(new FactActor(Server: "s2.test"), 5, "edu"),
            run.Servers[1].Name,
            JsonElement.Parse($$"""{"edu_type":"m.presence","content":{"push":[{{push}}]} }"""));
        Assert.Equal(before, await run.Servers[0].Tables.ReadHeadAsync());
    });

    private static void Run(int servers, Func<FederationSimulation, Task> act) => Run(servers, Seeds, act);

    private static void Run(int servers, int seeds, Func<FederationSimulation, Task> act)
    {
        for (var seed = 1; seed <= seeds; seed++)
            FederationSimulation.Script(seed, servers, act, hasEdus: true);
    }

    private static void Cut(FederationSimulation run) => run.Network.Cut(run.Servers[0].Name, run.Servers[1].Name);

    private static async Task<RoomId> CreateAsync(FederationSimulation run)
    {
        var (process, user) = (run.Servers[0].Process!, run.Servers[0].Users[0]);
        return Assert.IsType<CommandResult<RoomId>.Done>(await process.SendAsync(
            new CreateRoom(process.ContextOf(user), user) { Preset = RoomPreset.PublicChat })).Value;
    }

    /// <summary>A room that a user of each of the first two servers is in.</summary>
    private static async Task<RoomId> ShareAsync(FederationSimulation run)
    {
        var room = await CreateAsync(run);
        var (process, user) = (run.Servers[1].Process!, run.Servers[1].Users[0]);
        Assert.IsType<CommandResult<RoomId>.Done>(await process.SendAsync(
            new JoinRoom(process.ContextOf(user), user, room.Value, null) { Via = [run.Servers[0].Name] }));
        await run.World.WaitAsync(1_000);
        return room;
    }

    private static async Task<EventId> SayAsync(FederationSimulation run, int server, RoomId room)
    {
        var (process, user) = (run.Servers[server].Process!, run.Servers[server].Users[0]);
        return Assert.IsType<CommandResult<EventId>.Done>(await process.SendAsync(new SendEvent(
            process.ContextOf(user), room, user, "m.room.message", JsonElement.Parse("""{"msgtype":"m.text","body":"so"}"""), null))).Value;
    }

    private static async Task TypeAsync(FederationSimulation run, int server, RoomId room)
    {
        var (process, user) = (run.Servers[server].Process!, run.Servers[server].Users[0]);
        await process.SendAsync(new SetTyping(process.ContextOf(user), room, user, true, 5_000));
    }

    private static async Task ReadAsync(FederationSimulation run, int server, RoomId room, EventId eventId)
    {
        var (process, user) = (run.Servers[server].Process!, run.Servers[server].Users[0]);
        Assert.IsType<CommandResult<MediatR.Unit>.Done>(await process.SendAsync(
            new SetReadMarkers(process.ContextOf(user), room, user, [new ReadMarker(ReceiptKinds.Read, eventId)])));
    }

    private static async Task SetPresenceAsync(FederationSimulation run, int server, PresenceState state, string? statusMsg = null)
    {
        var (process, user) = (run.Servers[server].Process!, run.Servers[server].Users[0]);
        await process.SendAsync(new SetPresence(process.ContextOf(user), user, state, statusMsg));
    }

    private static async Task<EduTables> TablesAsync(FederationSimulation run, int server)
    {
        var tables = run.Servers[server].Tables;
        tables.ApplyEdus(await tables.ReadHeadAsync());
        return tables.Edus;
    }
}
