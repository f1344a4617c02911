using Matrix.EventSourced.Kit.Hosting;
using static Matrix.EventSourced.Api.Tests.Rooms.RoomsServer;

namespace Matrix.EventSourced.Api.Tests.Rooms;

public sealed class Rooms_across_restarts
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task go_on_where_they_stopped(bool withoutDatabase)
    {
        await using var server = await TestHomeserver.StartAsync();
        var alice = await server.RegisterAsync("alice");
        var bob = await server.RegisterAsync("bob");
        var room = await alice.CreateRoomAsync(
            """{"preset":"public_chat","room_alias_name":"pub","visibility":"public"}""");
        await bob.JoinAsync("#pub:hs");
        var sent = await bob.SendAsync(room, "m.room.message", """{"msgtype":"m.text","body":"before"}""", "t");
        var before = (await alice.GetAsync(Path(room, "messages?dir=b&limit=100"))).Ok();

        if (withoutDatabase)
            await server.RestartWithoutDatabaseAsync();
        else
            await server.RestartAsync();

        Assert.Equal(Ids(before), Ids((await alice.GetAsync(Path(room, "messages?dir=b&limit=100"))).Ok()));
        Assert.Equal(sent, await bob.SendAsync(room, "m.room.message", """{"msgtype":"m.text","body":"before"}""", "t"));
        await bob.SendTextAsync(room, "after");
        (await alice.PostAsync(Path(room, "kick"), $$"""{"user_id":"{{bob.UserId}}"}""")).Ok();
        (await bob.PutAsync(Path(room, "send/m.room.message/u"), "{}")).Refused(403, "M_FORBIDDEN");
        Assert.Equal(sent, await bob.SendAsync(room, "m.room.message", """{"msgtype":"m.text","body":"before"}""", "t"));
        Assert.Equal(
            Ids(before).Count() + 2, Ids((await alice.GetAsync(Path(room, "messages?dir=b&limit=100"))).Ok()).Count());
    }

    private static IEnumerable<string> Ids(System.Text.Json.JsonElement messages) =>
        messages.GetProperty("chunk").EnumerateArray().Select(entry => entry.Text("event_id"));
}
