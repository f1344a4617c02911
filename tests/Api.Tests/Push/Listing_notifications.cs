using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Push;

public sealed class Listing_notifications
{
    [Fact]
    public async Task goes_page_by_page_newest_first_and_says_what_is_read()
    {
        await using var world = await PushWorld.StartAsync();
        var sent = new List<string>();
        for (var index = 0; index < 5; index++)
            sent.Add(index == 2
                ? await world.MentionAsync(world.Ada, world.Bob.UserId)
                : await world.Ada.SendTextAsync(world.Room, $"{index}"));
        await world.ReadAsync(world.Bob, sent[1]);
        sent.Reverse();

        var page = (await world.Bob.GetAsync("notifications?limit=2")).Ok();
        Assert.Equal(sent[..2], PushWorld.Ids([.. page.GetProperty("notifications").EnumerateArray()]));
        page = (await world.Bob.GetAsync($"notifications?limit=2&from={page.Text("next_token")}")).Ok();
        Assert.Equal(sent[2..4], PushWorld.Ids([.. page.GetProperty("notifications").EnumerateArray()]));
        page = (await world.Bob.GetAsync($"notifications?limit=2&from={page.Text("next_token")}")).Ok();
        var last = Assert.Single(page.GetProperty("notifications").EnumerateArray());
        Assert.False(page.TryGetProperty("next_token", out _));
        Assert.Equal(world.Room, last.Text("room_id"));
        Assert.Equal(1_767_225_600_000, last.GetProperty("ts").GetInt64());
        Assert.Equal("0", last.GetProperty("event").GetProperty("content").Text("body"));
        Assert.False(last.GetProperty("event").TryGetProperty("room_id", out _));

        Assert.Equal(
            [false, false, false, true, true],
            (await PushWorld.NotificationsAsync(world.Bob)).Select(one => one.GetProperty("read").GetBoolean()));
        Assert.Equal([sent[2]], PushWorld.Ids(await PushWorld.NotificationsAsync(world.Bob, "?only=highlight")));
        Assert.Empty(await PushWorld.NotificationsAsync(world.Ada));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal(sent, PushWorld.Ids(await PushWorld.NotificationsAsync(world.Bob)));
    }

    [Fact]
    public async Task refuses_what_is_no_token_and_no_limit()
    {
        await using var world = await PushWorld.StartAsync();
        (await world.Bob.GetAsync("notifications?from=x")).Refused(400, "M_INVALID_PARAM");
        (await world.Bob.GetAsync("notifications?from=-1")).Refused(400, "M_INVALID_PARAM");
        (await world.Bob.GetAsync("notifications?limit=x")).Refused(400, "M_INVALID_PARAM");
        (await world.Bob.GetAsync("notifications?limit=0&only=else")).Ok();
        (await world.Server.SendAsync("GET", "notifications")).Refused(401, "M_MISSING_TOKEN");
    }
}
