using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>What a server missed of a room stands where it belongs once it is fetched, and clients are told to ask for
/// it.</summary>
public sealed class Gaps_in_rooms : TwoServers
{
    [Fact]
    public async Task messages_between_leaving_and_coming_back_stand_between_both()
    {
        var room = await Alice.CreateRoomAsync();
        await Alice.SendTextAsync(room, "before the join");
        await JoinAsync(room);
        await Bob.SeesAsync(room, await Alice.SendTextAsync(room, "while he is here"));
        (await Bob.PostAsync($"/_matrix/client/v3/rooms/{Escaped(room)}/leave")).Ok();
        await Alice.SeesAsync(
            sync => sync.GetRawText().Contains("\"membership\":\"leave\"", StringComparison.Ordinal), "Bob does not leave");
        for (var number = 0; number < 7; number++)
            await Alice.SendTextAsync(room, $"while he is away {number}");
        var away = (await Bob.SyncAsync(null, 0)).Text("next_batch");
        await JoinAsync(room);
        await Bob.SeesAsync(room, await Alice.SendTextAsync(room, "after all"));

        var expected = await HistoryAsync(Alice, room, limit: 100);
        Assert.Equal(expected, await HistoryAsync(Bob, room, limit: 3));
        Assert.Equal(expected, await HistoryAsync(Bob, room, limit: 100));
        Assert.Equal(Enumerable.Reverse(expected), await HistoryAsync(Bob, room, limit: 4, direction: "f"));
        var shown = Room(await Bob.SyncAsync(away, 0), room);
        Assert.True(shown.GetProperty("limited").GetBoolean());
        Assert.Equal(expected, [.. Ids(shown.GetProperty("events")).Reverse(), .. await HistoryAsync(Bob, room, 5, from: shown.Text("prev_batch"))]);

        await Second.RestartWithoutDatabaseAsync();
        Assert.Equal(expected, await HistoryAsync(Bob, room, limit: 3));
    }

    [Theory]
    [InlineData("shared")]
    [InlineData("joined")]
    public async Task what_never_arrived_is_found_by_turning_pages(string visibility)
    {
        var room = await Alice.CreateRoomAsync();
        await Alice.SetStateAsync(
            room, "m.room.history_visibility", string.Empty, $$"""{"history_visibility":"{{visibility}}"}""");
        await JoinAsync(room);
        var before = await Alice.SendTextAsync(room, "before");
        await Bob.SeesAsync(room, before);
        var since = (await Bob.SyncAsync(null, 0)).Text("next_batch");
        var lost = await LoseAsync(room, 5);
        var after = await Alice.SendTextAsync(room, "after");

        // From memory, and from the tables, and by a device that comes new.
        JsonElement news;
        do
            news = await Bob.SyncAsync(since, 5_000);
        while (!IsShown(news, room));
        await Second.RestartAsync();
        var shown = new[] { news, await Bob.SyncAsync(since, 0), await Bob.SyncAsync(null, 0) }.Select(sync => Room(sync, room));
        Assert.All(shown, timeline =>
        {
            Assert.Equal([after], Ids(timeline.GetProperty("events")));
            Assert.True(timeline.GetProperty("limited").GetBoolean());
        });
        var prevBatch = Assert.Single(shown.Select(timeline => timeline.Text("prev_batch")).Distinct());

        var first = await PageAsync(Bob, room, 3, prevBatch);
        Assert.Equal([lost[4], lost[3], lost[2]], Ids(first.GetProperty("chunk")));
        var second = await PageAsync(Bob, room, 3, first.Text("end"));
        Assert.Equal([lost[1], lost[0], before], Ids(second.GetProperty("chunk")));
        var forwards = await PageAsync(Bob, room, 5, second.Text("end"), "f");
        Assert.Equal([before, .. lost[..4]], Ids(forwards.GetProperty("chunk")));
        var onwards = await PageAsync(Bob, room, 5, forwards.Text("end"), "f");
        Assert.Equal([lost[4], after], Ids(onwards.GetProperty("chunk")));
        var context = (await Bob.GetAsync(
            $"/_matrix/client/v3/rooms/{Escaped(room)}/context/{Escaped(lost[4])}?limit=2")).Ok();
        Assert.Equal([lost[3]], Ids(context.GetProperty("events_before")));
        Assert.Equal([after], Ids(context.GetProperty("events_after")));
        var end = await PageAsync(Bob, room, 1, context.Text("start"));
        Assert.Equal([lost[2]], Ids(end.GetProperty("chunk")));
    }

    /// <summary>Sends messages of which the second server hears nothing, and cannot ask in time.</summary>
    private async Task<string[]> LoseAsync(string room, int count)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        FromSecond.Answer = (request, _) => Task.FromResult<FederationAnswer?>(
            request.Uri.Contains("/get_missing_events/", StringComparison.Ordinal) ? Json("""{"events":[]}""") : null);
        var carried = new StringBuilder();
        FromFirst.Answer = (request, _) =>
        {
            if (!request.Uri.Contains("/send/", StringComparison.Ordinal) || gone.Task.IsCompleted)
                return Task.FromResult<FederationAnswer?>(null);
            lock (carried)
            {
                carried.Append(Encoding.UTF8.GetString(request.Content.Span));
                if (carried.ToString().Contains($"message {count - 1} of {count}", StringComparison.Ordinal))
                    gone.TrySetResult();
            }
            return Task.FromResult<FederationAnswer?>(Json("""{"pdus":{}}"""));
        };
        var lost = new string[count];
        for (var number = 0; number < count; number++)
            lost[number] = await Alice.SendTextAsync(room, $"message {number} of {count}");
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(30));
        return lost;
    }

    private static FederationAnswer.Answered Json(string json) => new(200, Encoding.UTF8.GetBytes(json));

    private async Task JoinAsync(string room)
    {
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Escaped(room)}?via={ServerOf(Alice)}")).Ok();
    }

    private static async Task<List<string>> HistoryAsync(
        TestUser user, string room, int limit, string direction = "b", string? from = null)
    {
        var shown = new List<string>();
        do
        {
            var page = await PageAsync(user, room, limit, from, direction);
            shown.AddRange(Ids(page.GetProperty("chunk")));
            from = page.TryGetProperty("end", out var end) ? end.GetString() : null;
        }
        while (from is not null);
        return shown;
    }

    private static async Task<JsonElement> PageAsync(
        TestUser user, string room, int limit, string? from, string direction = "b") =>
        (await user.GetAsync(
            $"/_matrix/client/v3/rooms/{Escaped(room)}/messages?dir={direction}&limit={limit}"
            + (from is null ? string.Empty : $"&from={from}"))).Ok();

    private static bool IsShown(JsonElement sync, string room) =>
        sync.TryGetProperty("rooms", out var rooms) && rooms.TryGetProperty("join", out var joined)
        && joined.TryGetProperty(room, out var one) && one.GetProperty("timeline").GetProperty("events").GetArrayLength() > 0;

    private static JsonElement Room(JsonElement sync, string room) =>
        sync.GetProperty("rooms").GetProperty("join").GetProperty(room).GetProperty("timeline");

    private static IEnumerable<string> Ids(JsonElement events) =>
        events.EnumerateArray().Select(one => one.Text("event_id")).ToList();
}
