using System.Text.Json;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Rooms;

public sealed class Guests_of_a_room
{
    private const string Forbidden = """{"guest_access":"forbidden"}""";

    [Fact]
    public async Task go_when_it_lets_guests_in_no_longer()
    {
        await using var server = await StartAsync();
        var (alice, bob, guest) = (await server.RegisterAsync("alice"), await server.RegisterAsync("bob"), await GuestAsync(server));
        var room = await CreateAsync(alice);
        var other = await CreateAsync(alice);
        await bob.JoinAsync(room);
        await guest.JoinAsync(room);
        await guest.JoinAsync(other);
        var since = (await guest.SyncAsync()).Text("next_batch");

        await alice.SetStateAsync(room, "m.room.guest_access", "", Forbidden);

        // The guest hears of it; the request that changed it did not wait for that.
        var sync = await guest.SyncAsync(since, timeoutMs: 10_000);
        while (!HasLeft(sync, room))
            sync = await guest.SyncAsync(sync.Text("next_batch"), timeoutMs: 10_000);
        Assert.Equal("leave", await MembershipAsync(alice, room, guest));
        Assert.Equal("join", await MembershipAsync(alice, room, bob));
        Assert.Equal("join", await MembershipAsync(alice, other, guest));
    }

    [Fact]
    public async Task go_at_the_next_start_where_that_was_missed()
    {
        await using var server = await StartAsync(isLookedAfter: false);
        var (alice, guest) = (await server.RegisterAsync("alice"), await GuestAsync(server));
        var room = await CreateAsync(alice);
        await guest.JoinAsync(room);
        await alice.SetStateAsync(room, "m.room.guest_access", "", Forbidden);
        var guests = server.Services.GetRequiredService<GuestQueries>();
        Assert.Equal([RoomId.Parse(room)], await guests.RoomsAsync(default));
        Assert.Equal([UserId.Parse(guest.UserId)], await guests.InRoomAsync(RoomId.Parse(room), default));
        await server.Services.GetRequiredService<GuestDepartures>().CheckAsync(
            RoomId.Parse(room), await guests.InRoomAsync(RoomId.Parse(room), default));
        Assert.Equal("leave", await MembershipAsync(alice, room, guest));
        Assert.Empty(await guests.RoomsAsync(default));
    }

    private static bool HasLeft(JsonElement sync, string room) =>
        sync.TryGetProperty("rooms", out var rooms) && rooms.TryGetProperty("leave", out var left)
        && left.TryGetProperty(room, out _);

    private static Task<TestHomeserver> StartAsync(bool isLookedAfter = true) => TestHomeserver.StartAsync(new TestHomeserverOptions
    {
        Configure = config => config with { GuestsAllowed = true },
        Services = services =>
        {
            if (!isLookedAfter)
                services.Remove(services.Single(one => one.ImplementationType == typeof(GuestDepartureHost)));
        },
    });

    private static async Task<TestUser> GuestAsync(TestHomeserver server)
    {
        var session = (await server.SendAsync("POST", "register?kind=guest", null, "{}")).Ok();
        return new TestUser(server, session.Text("user_id"), session.Text("access_token"), session.Text("device_id"));
    }

    private static Task<string> CreateAsync(TestUser user) => user.CreateRoomAsync(
        """
        {"preset":"public_chat","initial_state":[{"type":"m.room.guest_access","state_key":"","content":{"guest_access":"can_join"}}]}
        """);

    private static async Task<string> MembershipAsync(TestUser asking, string room, TestUser user) =>
        (await asking.GetAsync($"rooms/{room}/state/m.room.member/{user.UserId}")).Ok().Text("membership");
}
