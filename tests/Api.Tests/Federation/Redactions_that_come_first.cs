using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>A redaction may reach a server before what it redacts: it takes effect when that comes.</summary>
public sealed class Redactions_that_come_first : OneHostileServer
{
    [Fact]
    public async Task take_effect_when_their_target_comes()
    {
        var target = await BuildAsync(
            "m.room.message", null, Mallory.UserId, """{"msgtype":"m.text","body":"regretted words"}""");
        var redaction = await BuildAsync(
            "m.room.redaction", null, Mallory.UserId, $$"""{"redacts":"{{target.EventId}}","reason":"regret"}""");
        await SendAsync(redaction.Json);
        await Alice.SeesAsync(Room, redaction.EventId.Value);

        await SendAsync(target.Json);
        await Alice.SeesAsync(Room, target.EventId.Value);

        var shown = (await EventAsync(target.EventId)).Ok();
        Assert.Equal("{}", shown.GetProperty("content").ToString());
        Assert.Equal(
            redaction.EventId.Value,
            shown.GetProperty("unsigned").GetProperty("redacted_because").Text("event_id"));
        Assert.Equal(0, await CountFoundAsync("regretted"));
    }

    [Fact]
    public async Task take_effect_when_their_target_comes_after_a_restart()
    {
        var target = await BuildAsync(
            "m.room.message", null, Mallory.UserId, """{"msgtype":"m.text","body":"regretted words"}""");
        var redaction = await BuildAsync(
            "m.room.redaction", null, Mallory.UserId, $$"""{"redacts":"{{target.EventId}}"}""");
        await SendAsync(redaction.Json);
        // What waits is read from the tables, and those are made again from the log.
        await Ours.RestartWithoutDatabaseAsync();

        await SendAsync(target.Json);
        await Alice.SeesAsync(Room, target.EventId.Value);

        var shown = (await EventAsync(target.EventId)).Ok();
        Assert.Equal("{}", shown.GetProperty("content").ToString());
    }

    [Fact]
    public async Task in_the_same_transaction_take_effect_too()
    {
        var target = await BuildAsync(
            "m.room.message", null, Mallory.UserId, """{"msgtype":"m.text","body":"regretted words"}""");
        var redaction = await BuildAsync(
            "m.room.redaction", null, Mallory.UserId, $$"""{"redacts":"{{target.EventId}}"}""");
        await SendAsync(redaction.Json, target.Json);
        await Alice.SeesAsync(Room, target.EventId.Value);

        Assert.Equal("{}", (await EventAsync(target.EventId)).Ok().GetProperty("content").ToString());
        // Nobody is notified of what is gone.
        var unread = (await Alice.GetAsync("/_matrix/client/v3/notifications")).Ok().GetProperty("notifications");
        Assert.DoesNotContain(
            unread.EnumerateArray(), one => one.GetProperty("event").Text("event_id") == target.EventId.Value);
    }

    private async Task<int> CountFoundAsync(string word) =>
        (await Alice.PostAsync(
            "/_matrix/client/v3/search", $$"""{"search_categories":{"room_events":{"search_term":"{{word}}"} } }""")).Ok()
        .GetProperty("search_categories").GetProperty("room_events").GetProperty("results").GetArrayLength();
}
