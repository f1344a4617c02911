using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Kit.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Tests.AppService;

/// <summary>What a service that encrypts hears beside the events: messages to its devices, whose device lists changed,
/// and which keys its devices have left.</summary>
public sealed class Devices_of_an_application_service
{
    private const string Encrypts = "receive_ephemeral: true\norg.matrix.msc3202: true";
    private const string ToDevice = "de.sorunome.msc2409.to_device";
    private const string Lists = "org.matrix.msc3202.device_lists";
    private const string Counts = "org.matrix.msc3202.device_one_time_keys_count";
    private const string Fallback = "org.matrix.msc3202.device_unused_fallback_key_types";

    /// <summary>LIMIT: requests until something must be so.</summary>
    private const int PollsMax = 2_000;

    [Fact]
    public async Task messages_go_with_the_transactions_and_wait_for_no_sync()
    {
        await using var world = await BridgedServer.StartAsync(Encrypts);
        var alice = await world.Server.RegisterAsync("alice");
        var ghost = await GhostAsync(world);
        await SendAsync(alice, ghost, "*", "t1");
        await SendAsync(alice, ghost, "OTHER", "t2");
        await SendAsync(alice, ghost, "DEV", "t3");
        var first = await world.Service.NextEventAsync(_ => true, ToDevice);
        var second = await world.Service.NextEventAsync(one => Body(one) == "t3", ToDevice);

        Assert.Equal(
            ("m.test", alice.UserId, ghost.UserId, "DEV", "t1"),
            (first.Text("type"), first.Text("sender"), first.Text("to_user_id"), first.Text("to_device_id"), Body(first)));
        Assert.Equal("DEV", second.Text("to_device_id"));
        for (var poll = 0; await WaitingAsync(ghost) > 0; poll++)
            Assert.True(poll < PollsMax, "The messages still wait for a sync.");
    }

    /// <summary>Most bridges without encryption in the transactions fetch the messages by a sync of their own.</summary>
    [Fact]
    public async Task messages_wait_for_a_sync_too_where_the_service_only_wants_what_is_ephemeral()
    {
        await using var world = await BridgedServer.StartAsync("receive_ephemeral: true");
        var alice = await world.Server.RegisterAsync("alice");
        var ghost = await GhostAsync(world);
        await SendAsync(alice, ghost, "DEV", "t1");
        await world.Service.NextEventAsync(_ => true, ToDevice);
        // The next transaction makes it a fact that the one before was taken.
        await SendAsync(alice, ghost, "DEV", "t2");
        await world.Service.NextEventAsync(one => Body(one) == "t2", ToDevice);

        Assert.Equal(2, await WaitingAsync(ghost));
    }

    [Fact]
    public async Task messages_do_not_go_to_a_service_that_wants_none()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        var ghost = await GhostAsync(world);
        var room = await alice.CreateRoomAsync();
        await ghost.JoinAsync(room);
        await SendAsync(alice, ghost, "DEV", "t1");
        var last = await alice.SendTextAsync(room, "after it");
        var transactions = await UntilAsync(world, last);

        Assert.DoesNotContain(transactions, transaction => transaction.TryGetProperty(ToDevice, out _));
        Assert.Equal(1, await WaitingAsync(ghost));
    }

    [Fact]
    public async Task a_transaction_that_failed_comes_again_with_the_same_messages()
    {
        await using var world = await BridgedServer.StartAsync(Encrypts);
        var alice = await world.Server.RegisterAsync("alice");
        var ghost = await GhostAsync(world);
        var isAway = true;
        world.Service.Answer = request => Task.FromResult<(int, string)?>(
            isAway && request.Body.Contains(ToDevice, StringComparison.Ordinal) ? (503, "{}") : null);
        await SendAsync(alice, ghost, "*", "t1");
        var failed = await NextAsync(world, ToDevice);
        // Kept, unlike what is ephemeral; and not for a device that comes later.
        await SendAsync(alice, ghost, "*", "t2");
        Assert.Equal(201, (await ghost.SendAsync("PUT", "devices/LATER", "{}")).Status);
        var again = await NextAsync(world, ToDevice);
        isAway = false;
        var taken = await NextAsync(world, ToDevice);
        var next = await NextAsync(world, ToDevice);

        Assert.Equal((failed.Path, failed.Body), (again.Path, again.Body));
        Assert.Equal((failed.Path, failed.Body), (taken.Path, taken.Body));
        Assert.Equal("t2", Body(Assert.Single(next.Json.GetProperty(ToDevice).EnumerateArray())));
    }

    [Fact]
    public async Task messages_that_were_taken_never_come_again_and_those_that_failed_come_as_they_were()
    {
        await using var world = await BridgedServer.StartAsync(Encrypts);
        var alice = await world.Server.RegisterAsync("alice");
        var ghost = await GhostAsync(world);
        await SendAsync(alice, ghost, "*", "t1");
        await NextAsync(world, ToDevice);
        for (var poll = 0; await WaitingAsync(ghost) > 0; poll++)
            Assert.True(poll < PollsMax, "The message still waits for a sync.");
        await world.Server.RestartWithoutDatabaseAsync();
        var isAway = true;
        world.Service.Answer = _ => Task.FromResult<(int, string)?>(isAway ? (503, "{}") : null);
        await SendAsync(alice, ghost, "*", "t2");
        var failed = await NextAsync(world, ToDevice);
        await world.Server.StopAsync();
        while (world.Service.TryTake() is not null)
        {
        }
        isAway = false;
        await world.Server.RestartWithoutDatabaseAsync();
        (await world.Bot.GetAsync("account/whoami")).Ok();
        var taken = await NextAsync(world, ToDevice);

        Assert.Equal("t2", Body(Assert.Single(failed.Json.GetProperty(ToDevice).EnumerateArray())));
        Assert.Equal((failed.Path, failed.Body), (taken.Path, taken.Body));
    }

    [Fact]
    public async Task changed_lists_of_who_shares_a_room_are_told()
    {
        await using var world = await BridgedServer.StartAsync(Encrypts);
        var alice = await world.Server.RegisterAsync("alice");
        var bob = await world.Server.RegisterAsync("bob");
        var carol = await world.Server.RegisterAsync("carol");
        var room = await alice.CreateRoomAsync();
        var ghost = await GhostAsync(world);
        await ghost.JoinAsync(room);
        await UploadKeysAsync(carol);
        await UploadKeysAsync(alice);
        var changed = await NextListsAsync(world);
        await bob.JoinAsync(room);
        var joined = await NextListsAsync(world);
        (await bob.PutAsync($"profile/{bob.UserId}/displayname", """{"displayname":"Bob"}""")).Ok();
        (await bob.PostAsync($"rooms/{room}/leave")).Ok();
        var left = await NextListsAsync(world);
        // While another of its users is there, the service still shares the room.
        var second = await world.RegisterGhostAsync("_irc_second");
        await second.JoinAsync(room);
        (await second.SendAsync("POST", $"rooms/{room}/leave", "{}")).Ok();
        (await ghost.SendAsync("POST", $"rooms/{room}/leave", "{}")).Ok();
        var parted = await NextListsAsync(world);

        Assert.Equal($$"""{"changed":["{{alice.UserId}}"],"left":[]}""", changed);
        Assert.Equal($$"""{"changed":["{{bob.UserId}}"],"left":[]}""", joined);
        Assert.Equal($$"""{"changed":[],"left":["{{bob.UserId}}"]}""", left);
        Assert.Equal($$"""{"changed":[],"left":["{{alice.UserId}}"]}""", parted);
    }

    [Fact]
    public async Task keys_that_its_devices_have_left_are_told()
    {
        await using var world = await BridgedServer.StartAsync(Encrypts);
        var alice = await world.Server.RegisterAsync("alice");
        var ghost = await GhostAsync(world);
        (await ghost.SendAsync("POST", "keys/upload?device_id=DEV", """
            {"one_time_keys":{"signed_curve25519:A":{"key":"a","signatures":{} } } }
            """)).Ok();
        var uploaded = (await NextAsync(world, Counts)).Json;
        (await ghost.SendAsync("POST", "keys/upload?org.matrix.msc3202.device_id=DEV", """
            {"fallback_keys":{"signed_curve25519:F":{"key":"f","fallback":true,"signatures":{} } } }
            """)).Ok();
        var withFallback = (await NextAsync(world, Counts)).Json;
        (await alice.PostAsync("keys/claim", $$$"""
            {"one_time_keys":{"{{{ghost.UserId}}}":{"DEV":"signed_curve25519"} } }
            """)).Ok();
        var claimed = (await NextAsync(world, Counts)).Json;

        Assert.Equal("""{"signed_curve25519":1}""", Of(uploaded, Counts, ghost).ToString());
        Assert.Equal("[]", Of(uploaded, Fallback, ghost).ToString());
        Assert.Equal("""["signed_curve25519"]""", Of(withFallback, Fallback, ghost).ToString());
        Assert.Equal("""{"signed_curve25519":0}""", Of(claimed, Counts, ghost).ToString());
        Assert.Equal(
            Of(claimed, Counts, ghost).ToString(),
            Of(claimed, "org.matrix.msc3202.device_one_time_key_counts", ghost).ToString());
    }

    [Fact]
    public async Task device_lists_and_keys_do_not_go_to_a_service_that_does_not_encrypt()
    {
        await using var world = await BridgedServer.StartAsync("receive_ephemeral: true");
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await GhostAsync(world);
        await ghost.JoinAsync(room);
        await UploadKeysAsync(alice);
        (await ghost.SendAsync("POST", "keys/upload?device_id=DEV", """
            {"one_time_keys":{"signed_curve25519:A":{"key":"a","signatures":{} } } }
            """)).Ok();
        var last = await alice.SendTextAsync(room, "after it");

        Assert.DoesNotContain(
            await UntilAsync(world, last), transaction => transaction.ToString().Contains("msc3202", StringComparison.Ordinal));
    }

    /// <summary>A service that asks for it by the name of old looks for it under the name of old.</summary>
    [Fact]
    public async Task ephemeral_data_has_the_name_under_which_it_was_asked_for()
    {
        await using var world = await BridgedServer.StartAsync("de.sorunome.msc2409.push_ephemeral: true");
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await GhostAsync(world);
        await ghost.JoinAsync(room);
        (await alice.PutAsync($"rooms/{room}/typing/{alice.UserId}", """{"typing":true,"timeout":30000}""")).Ok();
        var typing = await world.Service.NextEventAsync(
            one => one.Text("type") == "m.typing", "de.sorunome.msc2409.ephemeral");

        Assert.Equal(room, typing.Text("room_id"));
    }

    private static async Task<Ghost> GhostAsync(BridgedServer world)
    {
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        Assert.Equal(201, (await ghost.SendAsync("PUT", "devices/DEV", "{}")).Status);
        return ghost;
    }

    private static async Task SendAsync(TestUser sender, Ghost ghost, string device, string text) =>
        (await sender.PutAsync(
            $"sendToDevice/m.test/{text}",
            $$$"""{"messages":{"{{{ghost.UserId}}}":{"{{{device}}}":{"body":"{{{text}}}"} } } }""")).Ok();

    private static string Body(JsonElement message) => message.GetProperty("content").Text("body");

    private static async Task UploadKeysAsync(TestUser user) => (await user.PostAsync(
        "keys/upload",
        $$"""{"device_keys":{{TestKeys.Device(UserId.Parse(user.UserId), user.DeviceId, 7)}} }""")).Ok();

    /// <summary>How many messages wait for the device's next sync.</summary>
    private static async Task<int> WaitingAsync(Ghost ghost)
    {
        var sync = (await ghost.SendAsync("GET", "sync?device_id=DEV")).Ok();
        return sync.TryGetProperty("to_device", out var section) ? section.GetProperty("events").GetArrayLength() : 0;
    }

    /// <summary>The next transaction with a section.</summary>
    private static async Task<ReceivedRequest> NextAsync(BridgedServer world, string section)
    {
        while (true)
        {
            var transaction = await world.Service.NextTransactionAsync();
            if (transaction.Json.TryGetProperty(section, out _))
                return transaction;
        }
    }

    /// <summary>What the next transaction that tells of other users' lists says.</summary>
    private static async Task<string> NextListsAsync(BridgedServer world)
    {
        while (true)
        {
            var lists = (await NextAsync(world, Lists)).Json.GetProperty(Lists).ToString();
            // The service's own devices are told of like others.
            if (!lists.Contains("_irc_ghost", StringComparison.Ordinal))
                return lists;
        }
    }

    /// <summary>All transactions up to the one with an event.</summary>
    private static async Task<List<JsonElement>> UntilAsync(BridgedServer world, string eventId)
    {
        var transactions = new List<JsonElement>();
        while (true)
        {
            transactions.Add((await world.Service.NextTransactionAsync()).Json);
            if (transactions[^1].GetProperty("events").ToString().Contains(eventId, StringComparison.Ordinal))
                return transactions;
        }
    }

    private static JsonElement Of(JsonElement transaction, string section, Ghost ghost) =>
        transaction.GetProperty(section).GetProperty(ghost.UserId).GetProperty("DEV");
}
