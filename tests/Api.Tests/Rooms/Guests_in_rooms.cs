using Matrix.EventSourced.Kit.Hosting;
using static Matrix.EventSourced.Api.Tests.Rooms.RoomsServer;

namespace Matrix.EventSourced.Api.Tests.Rooms;

/// <summary>Spec: v1.19 client-server-api #guest-access, server behaviour.</summary>
public sealed class Guests_in_rooms : IAsyncLifetime
{
    private TestHomeserver _server = null!;

    public async Task InitializeAsync() => _server = await TestHomeserver.StartAsync(new TestHomeserverOptions
    {
        Configure = config => config with { GuestsAllowed = true },
    });

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task leave_as_soon_as_they_are_not_welcome()
    {
        var alice = await _server.RegisterAsync("alice");
        var bob = await _server.RegisterAsync("bob");
        var made = (await _server.SendAsync("POST", "register?kind=guest", null, "{}")).Ok();
        var guest = new TestUser(_server, made.Text("user_id"), made.Text("access_token"), made.Text("device_id"));
        var room = await alice.CreateRoomAsync();
        (await guest.PostAsync(Path(room, "join"))).Refused(403, "M_GUEST_ACCESS_FORBIDDEN");
        await alice.SetStateAsync(room, "m.room.guest_access", "", """{"guest_access":"can_join"}""");
        await bob.JoinAsync(room);
        (await guest.PostAsync(Path(room, "join"))).Ok();
        await guest.SendTextAsync(room, "hello");
        await alice.SetStateAsync(room, "m.room.guest_access", "", """{"guest_access":"can_join","more":1}""");
        Assert.Equal("join", await MembershipAsync(guest));

        await alice.SetStateAsync(room, "m.room.guest_access", "", """{"guest_access":"forbidden"}""");
        Assert.Equal("leave", await MembershipAsync(guest));
        Assert.Equal("join", await MembershipAsync(bob));
        (await guest.PutAsync(Path(room, "send/m.room.message/x"), "{}")).Refused(403, "M_FORBIDDEN");

        async Task<string> MembershipAsync(TestUser user) => (await alice.GetAsync(
            Path(room, $"state/m.room.member/{Uri.EscapeDataString(user.UserId)}"))).Ok().Text("membership");
    }
}
