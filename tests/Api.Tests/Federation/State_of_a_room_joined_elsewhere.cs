using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>A client that joins a room of another server learns the room's state from its next sync.</summary>
/// <remarks>All of that state comes into this server's log with the join itself, which is the first event of the timeline: the state
/// before it, as the tables have it, is none. The sync showed just that, and so no client knew that the room is encrypted.</remarks>
public sealed class State_of_a_room_joined_elsewhere : TwoServers
{
    private static readonly string[] Types =
    [
        "m.room.create", "m.room.encryption", "m.room.guest_access", "m.room.history_visibility", "m.room.join_rules",
        "m.room.member", "m.room.power_levels",
    ];

    [Theory]
    [InlineData("state", "")]
    [InlineData("state_after", "&use_state_after=true")]
    public async Task is_in_the_sync_that_tells_of_the_join(string section, string parameter)
    {
        var before = (await Bob.SyncAsync()).Text("next_batch");
        var room = await Alice.CreateRoomAsync(
            """
            {"preset":"public_chat","initial_state":[{"type":"m.room.encryption","state_key":"","content":{"algorithm":"m.megolm.v1.aes-sha2"}}]}
            """);
        (await Bob.PostAsync($"join/{Escaped(room)}?via={Escaped(ServerOf(Alice))}")).Ok();

        foreach (var since in (string[])["", $"&since={before}"])
        {
            var sync = (await Bob.GetAsync($"sync?timeout=0{since}{parameter}")).Ok();
            var joined = sync.GetProperty("rooms").GetProperty("join").GetProperty(room);
            var state = joined.GetProperty(section).GetProperty("events").EnumerateArray().ToList();
            Assert.Equal(Types, state.Select(entry => entry.Text("type")).Distinct().Order(StringComparer.Ordinal));
            Assert.Contains(state, entry => entry.Text("type") == "m.room.member" && entry.Text("state_key") == Alice.UserId);
            Assert.Single(joined.GetProperty("timeline").GetProperty("events").EnumerateArray());
        }
    }

    /// <summary>Whoever is named anew after the join had no name before it: their first member event, which came with the join, was in
    /// neither part of the sync.</summary>
    [Fact]
    public async Task is_what_the_timeline_starts_with()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"public_chat"}""");
        (await Bob.PostAsync($"join/{Escaped(room)}?via={Escaped(ServerOf(Alice))}")).Ok();
        var first = (await Bob.StateAsync(room))[$"m.room.member|{Alice.UserId}"];
        var said = await Alice.SendTextAsync(room, "a word");
        (await Alice.PutAsync($"profile/{Escaped(Alice.UserId)}/displayname", """{"displayname":"Alice the Second"}""")).Ok();
        var last = await Alice.SendTextAsync(room, "another word");
        await Bob.SeesAsync(room, last);

        var joined = (await Bob.SyncAsync()).GetProperty("rooms").GetProperty("join").GetProperty(room);
        var member = Assert.Single(
            joined.GetProperty("state").GetProperty("events").EnumerateArray(),
            entry => entry.Text("type") == "m.room.member" && entry.Text("state_key") == Alice.UserId);
        Assert.Equal(first, member.Text("event_id"));
        var timeline = joined.GetProperty("timeline").GetProperty("events").EnumerateArray().ToList();
        Assert.Contains(timeline, entry => entry.Text("event_id") == said);
        Assert.Contains(timeline, entry => entry.Text("type") == "m.room.member" && entry.Text("state_key") == Alice.UserId);
    }
}
