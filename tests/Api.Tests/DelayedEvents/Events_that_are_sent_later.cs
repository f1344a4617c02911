using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.DelayedEvents;

/// <summary>Delayed events (MSC4140): scheduled, restarted, cancelled, sent, and what is said of them.</summary>
public sealed class Events_that_are_sent_later : IAsyncLifetime
{
    private const string Unstable = "/_matrix/client/unstable/org.matrix.msc4140";

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_767_225_600_000));
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;
    private string _room = "";
    private int _transactions;

    private string Room => Uri.EscapeDataString(_room);

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = _time,
            Configure = config => config with
            {
                DelayedEvents = config.DelayedEvents with { ScheduledMax = 3 },
            },
        });
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
        _room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(_room);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task come_when_their_time_is_there_and_not_before()
    {
        var delayId = await ScheduleAsync(5_500, "later");
        var scheduled = (await LookUpAsync(delayId)).Ok();
        Assert.Equal(_room, scheduled.Text("room_id"));
        Assert.Equal("m.room.message", scheduled.Text("type"));
        Assert.Equal(5_500, scheduled.GetProperty("delay_ms").GetInt64());
        Assert.Equal(1_767_225_600_000, scheduled.GetProperty("delayed_since_ts").GetInt64());
        Assert.Equal("later", scheduled.GetProperty("content").Text("body"));
        Assert.False(scheduled.TryGetProperty("state_key", out _));
        Assert.False(scheduled.TryGetProperty("finalised", out _));
        (await _bob.GetAsync($"/_matrix/client/v1/delayed_events/{delayId}")).Refused(404, "M_NOT_FOUND");

        _time.Advance(TimeSpan.FromMilliseconds(5_499));
        Assert.DoesNotContain("later", await BodiesAsync());
        var (forBob, forAda) = (NextAsync(_bob), NextAsync(_ada));
        _time.Advance(TimeSpan.FromMilliseconds(1));

        var sent = await forBob;
        Assert.Equal("later", sent.GetProperty("content").Text("body"));
        Assert.Equal("@ada:hs", sent.Text("sender"));
        Assert.Equal(1_767_225_605_500, sent.GetProperty("origin_server_ts").GetInt64());
        Assert.False(sent.GetProperty("unsigned").TryGetProperty("delay_id", out _));
        var own = (await forAda).GetProperty("unsigned");
        Assert.Equal(delayId, own.Text("delay_id"));
        Assert.Equal(delayId, own.Text("org.matrix.msc4140.delay_id"));
        Assert.False(own.TryGetProperty("transaction_id", out _));
        var outcome = (await LookUpAsync(delayId)).Ok().GetProperty("finalised");
        Assert.Equal(sent.Text("event_id"), outcome.Text("event_id"));
        Assert.Equal(1_767_225_605_500, outcome.GetProperty("finalised_ts").GetInt64());
        Assert.False(outcome.TryGetProperty("error", out _));
    }

    [Fact]
    public async Task say_in_messages_too_what_their_sender_knew_them_by()
    {
        var delayId = await ScheduleAsync(1_000, "later");
        (await ActAsync(delayId, "send")).Ok();
        var shown = await FindAsync(_ada, "later");
        Assert.Equal(delayId, shown.GetProperty("unsigned").Text("delay_id"));
        Assert.False((await FindAsync(_bob, "later")).GetProperty("unsigned").TryGetProperty("delay_id", out _));
    }

    [Fact]
    public async Task wait_anew_when_they_are_restarted()
    {
        var delayId = await ScheduleAsync(5_000, "later");
        _time.Advance(TimeSpan.FromSeconds(4));
        (await ActAsync(delayId, "restart")).Ok();
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.DoesNotContain("later", await BodiesAsync());
        Assert.Equal(
            1_767_225_604_000, (await LookUpAsync(delayId)).Ok().GetProperty("delayed_since_ts").GetInt64());
        var next = NextAsync(_bob);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("later", (await next).GetProperty("content").Text("body"));
    }

    [Fact]
    public async Task are_cancelled_for_good()
    {
        var delayId = await ScheduleAsync(5_000, "never");
        (await ActAsync(delayId, "cancel", _bob)).Refused(404, "M_NOT_FOUND");
        (await ActAsync(delayId, "cancel")).Ok();
        (await ActAsync(delayId, "cancel")).Ok();
        (await ActAsync(delayId, "send")).Refused(409, "M_UNKNOWN");
        (await ActAsync(delayId, "restart")).Refused(409, "M_UNKNOWN");
        var outcome = (await LookUpAsync(delayId)).Ok().GetProperty("finalised");
        Assert.Equal(["finalised_ts"], outcome.EnumerateObject().Select(member => member.Name));
        _time.Advance(TimeSpan.FromSeconds(10));
        await ComesAsync("after");
        Assert.DoesNotContain("never", await BodiesAsync());
    }

    [Fact]
    public async Task are_sent_at_once_when_their_sender_wants_it()
    {
        var delayId = await ScheduleAsync(60_000, "now");
        (await ActAsync(delayId, "send")).Ok();
        Assert.Contains("now", await BodiesAsync());
        (await ActAsync(delayId, "send")).Ok();
        (await ActAsync(delayId, "cancel")).Refused(409, "M_UNKNOWN");
        (await ActAsync(delayId, "restart")).Refused(409, "M_UNKNOWN");
        _time.Advance(TimeSpan.FromSeconds(61));
        await ComesAsync("after");
        Assert.Single(await BodiesAsync(), "now");
    }

    [Fact]
    public async Task may_be_state()
    {
        var reply = await _ada.PutAsync(
            $"{Unstable}/rooms/{Room}/delayed_event/m.room.topic/t1",
            """{"delay_ms":1000,"state_key":"","content":{"topic":"later"}}""");
        var delayId = reply.Ok().Text("delay_id");
        Assert.Equal("", (await LookUpAsync(delayId)).Ok().Text("state_key"));
        var next = NextAsync(_ada);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(delayId, (await next).GetProperty("unsigned").Text("delay_id"));
        Assert.Equal("later", (await _bob.GetAsync($"rooms/{Room}/state/m.room.topic/")).Ok().Text("topic"));
    }

    [Theory]
    [InlineData("send/m.room.message/t1", """{"msgtype":"m.text","body":"later"}""")]
    [InlineData("state/org.example.call/DEVICE", """{"body":"later"}""")]
    public async Task are_asked_for_with_a_parameter_by_most_clients(string path, string content)
    {
        var asked = $"rooms/{Room}/{path}?org.matrix.msc4140.delay=8000";
        var delayId = (await _ada.PutAsync(asked, content)).Ok().Text("delay_id");
        var listed = (await _ada.GetAsync($"{Unstable}/delayed_events")).Ok().GetProperty("delayed_events");
        Assert.Equal([delayId], listed.EnumerateArray().Select(one => one.Text("delay_id")));
        Assert.Equal(8_000, listed[0].GetProperty("delay").GetInt64());
        Assert.Equal(1_767_225_600_000, listed[0].GetProperty("running_since").GetInt64());
        // As it was before the action went into the path.
        (await _ada.PostAsync($"{Unstable}/delayed_events/{delayId}", """{"action":"restart"}""")).Ok();
        var next = NextAsync(_bob);
        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal("later", (await next).GetProperty("content").Text("body"));
        listed = (await _ada.GetAsync($"{Unstable}/delayed_events")).Ok().GetProperty("delayed_events");
        Assert.Empty(listed.EnumerateArray());
    }

    [Fact]
    public async Task are_scheduled_once_by_the_same_request()
    {
        const string Body = """{"delay_ms":1000,"content":{"msgtype":"m.text","body":"once"}}""";
        var path = $"rooms/{Room}/delayed_event/m.room.message/same";
        var first = (await _ada.PutAsync(path, Body)).Ok().Text("delay_id");
        Assert.Equal(first, (await _ada.PutAsync(path, Body)).Ok().Text("delay_id"));
        var next = NextAsync(_bob);
        _time.Advance(TimeSpan.FromSeconds(1));
        await next;
        Assert.Equal(first, (await _ada.PutAsync(path, Body)).Ok().Text("delay_id"));
        _time.Advance(TimeSpan.FromSeconds(2));
        await ComesAsync("after");
        Assert.Single(await BodiesAsync(), "once");
    }

    [Fact]
    public async Task survive_a_restart_and_come_in_the_order_of_their_times()
    {
        var second = await ScheduleAsync(9_000, "second");
        var first = await ScheduleAsync(5_000, "first");
        var third = await ScheduleAsync(60_000, "third");
        await _server.StopAsync();
        _time.Advance(TimeSpan.FromSeconds(30));
        await _server.StartAgainAsync();

        await ComesAsync("after", afterwards: ["first", "second"]);
        var bodies = await BodiesAsync();
        Assert.True(bodies.IndexOf("first") < bodies.IndexOf("second"));
        Assert.DoesNotContain("third", bodies);
        foreach (var delayId in (IEnumerable<string>)[first, second])
            Assert.True((await LookUpAsync(delayId)).Ok().TryGetProperty("finalised", out _));
        await _server.RestartWithoutDatabaseAsync();
        var next = NextAsync(_bob);
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("third", (await next).GetProperty("content").Text("body"));
        Assert.True((await LookUpAsync(third)).Ok().TryGetProperty("finalised", out _));
    }

    [Fact]
    public async Task tell_why_they_could_not_be_sent()
    {
        var delayId = await ScheduleAsync(5_000, "refused");
        (await _ada.PostAsync($"rooms/{Room}/leave")).Ok();
        (await ActAsync(delayId, "send")).Refused(403, "M_FORBIDDEN");
        Assert.False((await LookUpAsync(delayId)).Ok().TryGetProperty("finalised", out _));
        _time.Advance(TimeSpan.FromSeconds(5));
        var outcome = await FinalisedAsync(delayId);
        Assert.Equal("M_FORBIDDEN", outcome.GetProperty("error").Text("errcode"));
        Assert.False(outcome.TryGetProperty("event_id", out _));
        (await ActAsync(delayId, "cancel")).Ok();
        (await ActAsync(delayId, "send")).Refused(409, "M_UNKNOWN");
    }

    [Fact]
    public async Task are_bounded_in_number_and_delay()
    {
        var first = await ScheduleAsync(20_500, "1");
        await ScheduleAsync(30_000, "2");
        await ScheduleAsync(40_000, "3");
        (await PutAsync(50_000, "4")).Refused(429, "M_LIMIT_EXCEEDED");
        Assert.Equal(20_500, (await PutAsync(50_000, "4")).Json.GetProperty("retry_after_ms").GetInt64());
        (await ActAsync(first, "cancel")).Ok();
        (await PutAsync(50_000, "4")).Ok();

        (await PutAsync(86_400_001, "too long")).Refused(403, "M_FORBIDDEN");
        var old = await _ada.PutAsync(
            $"rooms/{Room}/send/m.room.message/t?org.matrix.msc4140.delay=86400001", """{"msgtype":"m.text","body":"x"}""");
        old.Refused(400, "M_UNKNOWN");
        Assert.Equal("M_MAX_DELAY_EXCEEDED", old.Json.Text("org.matrix.msc4140.errcode"));
        Assert.Equal(86_400_000, old.Json.GetProperty("org.matrix.msc4140.max_delay").GetInt64());
        var capability = (await _ada.GetAsync("capabilities")).Ok().GetProperty("capabilities").GetProperty("m.delayed_events");
        Assert.Equal(86_400_000, capability.GetProperty("max_delay_ms").GetInt64());
        Assert.Equal(3, capability.GetProperty("max_scheduled").GetInt64());
    }

    [Theory]
    [InlineData("""{"content":{}}""", 400, "M_MISSING_PARAM")]
    [InlineData("""{"delay_ms":0,"content":{}}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"delay_ms":-5,"content":{}}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"delay_ms":1.5,"content":{}}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"delay_ms":"5","content":{}}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"delay_ms":5}""", 400, "M_MISSING_PARAM")]
    [InlineData("""{"delay_ms":5,"content":[]}""", 400, "M_BAD_JSON")]
    [InlineData("""{"delay_ms":5,"content":{"n":1.5}}""", 400, "M_BAD_JSON")]
    [InlineData("""{"delay_ms":5,"content":{},"state_key":5}""", 400, "M_BAD_JSON")]
    public async Task are_not_made_of_bad_requests(string body, int status, string errCode) =>
        (await _ada.PutAsync($"rooms/{Room}/delayed_event/m.room.message/t", body)).Refused(status, errCode);

    [Fact]
    public async Task refuse_what_is_no_action_and_what_is_not_known()
    {
        var delayId = await ScheduleAsync(5_000, "later");
        (await ActAsync(delayId, "dance")).Refused(400, "M_INVALID_PARAM");
        (await _ada.PostAsync($"{Unstable}/delayed_events/{delayId}")).Refused(400, "M_MISSING_PARAM");
        (await ActAsync("none", "send")).Refused(404, "M_NOT_FOUND");
        (await ActAsync("%2E%2E%2Fx", "send")).Refused(404, "M_NOT_FOUND");
        (await LookUpAsync(new string('a', 300))).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task are_not_sent_for_who_is_no_longer_here()
    {
        var delayId = await ScheduleAsync(5_000, "never");
        (await _ada.PostAsync(
            "account/deactivate",
            """{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"ada"},"password":"secret"}}""")).Ok();
        _time.Advance(TimeSpan.FromSeconds(5));
        await ComesAsync("after");
        Assert.DoesNotContain("never", await BodiesAsync());
        Assert.NotEmpty(delayId);
    }

    private async Task<string> ScheduleAsync(long delayMs, string text) =>
        (await PutAsync(delayMs, text)).Ok().Text("delay_id");

    private Task<Reply> PutAsync(long delayMs, string text) => _ada.PutAsync(
        $"rooms/{Room}/delayed_event/m.room.message/d{_transactions++}",
        $$$"""{"delay_ms":{{{delayMs}}},"content":{"msgtype":"m.text","body":"{{{text}}}"}}""");

    private Task<Reply> ActAsync(string delayId, string action, TestUser? user = null) =>
        (user ?? _ada).PostAsync($"/_matrix/client/v1/delayed_events/{delayId}/{action}");

    private Task<Reply> LookUpAsync(string delayId) => _ada.GetAsync($"/_matrix/client/v1/delayed_events/{delayId}");

    /// <summary>The end of a delayed event whose time has come; the clock stands still while it is waited for.</summary>
    private async Task<JsonElement> FinalisedAsync(string delayId)
    {
        while (true)
        {
            if ((await LookUpAsync(delayId)).Ok().TryGetProperty("finalised", out var outcome))
                return outcome;
        }
    }

    /// <summary>The next event of the room that the user hears of; the wait begins before this returns.</summary>
    private Task<JsonElement> NextAsync(TestUser user)
    {
        var since = user.SyncAsync().GetAwaiter().GetResult().Text("next_batch");
        return WaitAsync(user, since);
    }

    private async Task<JsonElement> WaitAsync(TestUser user, string since)
    {
        while (true)
        {
            var sync = await user.SyncAsync(since, timeoutMs: 30_000);
            if (Timeline(sync) is [var first, ..])
                return first;
            since = sync.Text("next_batch");
        }
    }

    private List<JsonElement> Timeline(JsonElement sync) =>
        sync.TryGetProperty("rooms", out var rooms) && rooms.TryGetProperty("join", out var joined)
            && joined.TryGetProperty(_room, out var room)
            ? [.. room.GetProperty("timeline").GetProperty("events").EnumerateArray()]
            : [];

    /// <summary>Has somebody else's delayed event sent: whatever was due before it has come by then.</summary>
    private async Task ComesAsync(string text, string[]? afterwards = null)
    {
        var since = (await _bob.SyncAsync()).Text("next_batch");
        var reply = await _bob.PutAsync(
            $"rooms/{Room}/delayed_event/m.room.message/d{_transactions++}",
            $$$"""{"delay_ms":1,"content":{"msgtype":"m.text","body":"{{{text}}}"}}""");
        reply.Ok();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        while (!(await BodiesAsync()).Contains(text))
            since = (await _bob.SyncAsync(since, timeoutMs: 30_000)).Text("next_batch");
        foreach (var one in afterwards ?? [])
            Assert.Contains(one, await BodiesAsync());
    }

    private async Task<List<string>> BodiesAsync()
    {
        var page = (await _bob.GetAsync($"rooms/{Room}/messages?dir=b&limit=100")).Ok().GetProperty("chunk");
        return [.. page.EnumerateArray().Reverse()
            .Where(one => one.GetProperty("content").TryGetProperty("body", out _))
            .Select(one => one.GetProperty("content").Text("body"))];
    }

    private async Task<JsonElement> FindAsync(TestUser user, string text)
    {
        var page = (await user.GetAsync($"rooms/{Room}/messages?dir=b&limit=100")).Ok().GetProperty("chunk");
        return page.EnumerateArray().Single(one =>
            one.GetProperty("content").TryGetProperty("body", out var body) && body.GetString() == text);
    }
}
