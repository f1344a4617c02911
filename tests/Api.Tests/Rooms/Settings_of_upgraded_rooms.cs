using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Rooms;

/// <summary>What a user has set for a room goes along to the room that replaces it.</summary>
public sealed class Settings_of_upgraded_rooms : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { IsLogInMemory = true });
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task tags_push_rules_and_direct_chats_come_with_who_joins()
    {
        var room = await _ada.CreateRoomAsync("""{"preset":"public_chat","room_version":"10"}""");
        await _bob.JoinAsync(room);
        await SetAsync(_ada, room, "m.favourite");
        await SetAsync(_bob, room, "u.work");
        var successor = (await _ada.PostAsync(
            $"rooms/{Uri.EscapeDataString(room)}/upgrade", """{"new_version":"12"}""")).Ok().Text("replacement_room");
        Assert.Equal("m.favourite", await TagsAsync(_ada, successor));
        Assert.Equal("", await TagsAsync(_bob, successor));
        await _bob.JoinAsync(successor);

        foreach (var (user, tag) in new[] { (_ada, "m.favourite"), (_bob, "u.work") })
        {
            Assert.Equal(tag, await TagsAsync(user, successor));
            Assert.Equal(tag, await TagsAsync(user, room));
            var direct = (await user.GetAsync($"user/{Uri.EscapeDataString(user.UserId)}/account_data/m.direct")).Ok();
            Assert.Equal($$"""{"@eve:hs":["{{room}}","{{successor}}"],"@mal:hs":["!other:hs"],"x":7}""", direct.GetRawText());
            var rules = (await user.GetAsync("pushrules/")).Ok().GetProperty("global");
            Assert.Equal(
                [room, successor], rules.GetProperty("room").EnumerateArray().Select(rule => rule.Text("rule_id")));
            var overrides = rules.GetProperty("override").EnumerateArray()
                .Where(rule => rule.Text("rule_id").StartsWith("mute", StringComparison.Ordinal)).ToList();
            Assert.Equal(["mute", $"mute.{successor}"], overrides.Select(rule => rule.Text("rule_id")));
            Assert.Equal(
                $$"""[{"kind":"event_match","key":"room_id","pattern":"{{successor}}"}]""",
                overrides[1].GetProperty("conditions").GetRawText());
        }
        // The rule works where it came to.
        await _ada.SendTextAsync(successor, "hush");
        Assert.Equal(0, Unread(await _bob.SyncAsync(), successor));
    }

    [Fact]
    public async Task what_the_new_room_has_already_stays()
    {
        var room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(room);
        await SetAsync(_bob, room, "u.old");
        var successor = (await _ada.PostAsync(
            $"rooms/{Uri.EscapeDataString(room)}/upgrade", """{"new_version":"12"}""")).Ok().Text("replacement_room");
        await _bob.JoinAsync(successor);
        await TagAsync(_bob, successor, "u.new");
        (await _bob.DeleteAsync(
            $"user/{Uri.EscapeDataString(_bob.UserId)}/rooms/{Uri.EscapeDataString(successor)}/tags/u.old")).Ok();
        (await _bob.PostAsync($"rooms/{Uri.EscapeDataString(successor)}/leave")).Ok();
        await _bob.JoinAsync(successor);
        Assert.Equal("u.new", await TagsAsync(_bob, successor));
    }

    private static async Task SetAsync(TestUser user, string room, string tag)
    {
        await TagAsync(user, room, tag);
        (await user.PutAsync(
            $"user/{Uri.EscapeDataString(user.UserId)}/account_data/m.direct",
            $$"""{"@eve:hs":["{{room}}"],"@mal:hs":["!other:hs"],"x":7}""")).Ok();
        (await user.PutAsync($"pushrules/global/room/{Uri.EscapeDataString(room)}", """{"actions":[]}""")).Ok();
        (await user.PutAsync(
            "pushrules/global/override/mute",
            $$"""{"actions":[],"conditions":[{"kind":"event_match","key":"room_id","pattern":"{{room}}"}]}""")).Ok();
    }

    private static async Task TagAsync(TestUser user, string room, string tag) => (await user.PutAsync(
        $"user/{Uri.EscapeDataString(user.UserId)}/rooms/{Uri.EscapeDataString(room)}/tags/{tag}", "{}")).Ok();

    private static async Task<string> TagsAsync(TestUser user, string room) => string.Join(
        ',',
        (await user.GetAsync($"user/{Uri.EscapeDataString(user.UserId)}/rooms/{Uri.EscapeDataString(room)}/tags"))
            .Ok().GetProperty("tags").EnumerateObject().Select(one => one.Name));

    private static int Unread(JsonElement sync, string room) => sync.GetProperty("rooms").GetProperty("join")
        .GetProperty(room).GetProperty("unread_notifications").GetProperty("notification_count").GetInt32();
}
