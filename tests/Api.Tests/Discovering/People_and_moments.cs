using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Discovering;

public sealed class People_and_moments : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { Time = _time });
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task people_are_found_who_share_a_room_or_are_in_an_open_one()
    {
        var privately = await _ada.CreateRoomAsync("""{"preset":"private_chat"}""");
        var cyd = await _server.RegisterAsync("cyd");
        Assert.Empty(await FindAsync(cyd, "ada"));
        (await _ada.PostAsync($"rooms/{privately}/invite", $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        Assert.Empty(await FindAsync(_bob, "ada"));
        await _bob.JoinAsync(privately);
        Assert.Equal([_ada.UserId], await FindAsync(_bob, "ada"));
        Assert.Equal([_bob.UserId], await FindAsync(_ada, "BOB:hs"));
        Assert.Empty(await FindAsync(cyd, "ada"));

        var open = await _ada.CreateRoomAsync();
        Assert.Equal([_ada.UserId], await FindAsync(cyd, "ada"));
        await _ada.SetStateAsync(open, "m.room.join_rules", "", """{"join_rule":"invite"}""");
        Assert.Empty(await FindAsync(cyd, "ada"));
        await _ada.SetStateAsync(open, "m.room.history_visibility", "", """{"history_visibility":"world_readable"}""");
        Assert.Equal([_ada.UserId], await FindAsync(cyd, "ada"));
        (await _ada.PostAsync($"rooms/{open}/leave")).Ok();
        Assert.Empty(await FindAsync(cyd, "ada"));
    }

    [Fact]
    public async Task people_are_found_by_the_name_that_the_seeker_may_see()
    {
        var (open, privately) = (await _ada.CreateRoomAsync(), await _ada.CreateRoomAsync("""{"preset":"private_chat"}"""));
        (await _ada.PutAsync($"profile/{_ada.UserId}/displayname", """{"displayname":"Ada Lovelace"}""")).Ok();
        await _ada.SetStateAsync(privately, "m.room.member", _ada.UserId, """{"membership":"join","displayname":"Secret Agent"}""");
        Assert.Equal([_ada.UserId], await FindAsync(_bob, "lovelace ADA"));
        Assert.Empty(await FindAsync(_bob, "secret"));
        Assert.Empty(await FindAsync(_bob, "lovelace babbage"));
        Assert.Empty(await FindAsync(_bob, "%"));
        Assert.Empty(await FindAsync(_bob, ""));
        var user = (await SearchAsync(_bob, """{"search_term":"ada"}""")).GetProperty("results")[0];
        Assert.Equal("Ada Lovelace", user.Text("display_name"));
        await _ada.SetStateAsync(open, "m.room.member", _ada.UserId, """{"membership":"join","displayname":"Augusta"}""");
        Assert.Empty(await FindAsync(_bob, "lovelace"));
        await _server.RestartWithoutDatabaseAsync();
        Assert.Empty(await FindAsync(_bob, "lovelace"));
        Assert.Equal([_ada.UserId], await FindAsync(_bob, "ada"));
    }

    [Fact]
    public async Task whole_names_come_first_and_the_list_is_limited()
    {
        var room = await _ada.CreateRoomAsync();
        foreach (var name in (string[])["xmax", "maxine", "max", "maxim"])
            await (await _server.RegisterAsync(name)).JoinAsync(room);
        Assert.Equal(["@max:hs", "@maxim:hs", "@maxine:hs", "@xmax:hs"], await FindAsync(_bob, "max"));
        var limited = await SearchAsync(_bob, """{"search_term":"max","limit":2}""");
        Assert.Equal(["@max:hs", "@maxim:hs"], Users(limited));
        Assert.True(limited.GetProperty("limited").GetBoolean());
        Assert.False((await SearchAsync(_bob, """{"search_term":"max","limit":4}""")).GetProperty("limited").GetBoolean());
    }

    [Theory]
    [InlineData("{}", "M_MISSING_PARAM")]
    [InlineData("""{"search_term":7}""", "M_BAD_JSON")]
    [InlineData("""{"search_term":"x","limit":"y"}""", "M_BAD_JSON")]
    [InlineData("""{"search_term":"x","limit":-1}""", "M_BAD_JSON")]
    public async Task bad_searches_are_refused(string body, string errCode) =>
        (await _ada.PostAsync("user_directory/search", body)).Refused(400, errCode);

    [Fact]
    public async Task mutual_rooms_are_those_that_both_have_joined()
    {
        var rooms = new SortedSet<string>(StringComparer.Ordinal);
        for (var number = 0; number < 101; number++)
        {
            var room = await _ada.CreateRoomAsync();
            await _bob.JoinAsync(room);
            rooms.Add(room);
        }
        (await _bob.PostAsync($"rooms/{await _bob.CreateRoomAsync()}/invite", $$"""{"user_id":"{{_ada.UserId}}"}""")).Ok();
        var page = (await _ada.GetAsync(Mutual($"?user_id={_bob.UserId}"))).Ok();
        Assert.Equal(101, page.GetProperty("count").GetInt32());
        var rest = (await _ada.GetAsync(Mutual($"?user_id={_bob.UserId}&from={page.Text("next_batch")}"))).Ok();
        Assert.False(rest.TryGetProperty("next_batch", out _));
        Assert.Equal(rooms, [.. Joined(page), .. Joined(rest)]);
        Assert.Empty(Joined((await _ada.GetAsync(Mutual("?user_id=@nobody:elsewhere"))).Ok()));
        (await _ada.GetAsync(Mutual(""))).Refused(400, "M_MISSING_PARAM");
        (await _ada.GetAsync(Mutual("?user_id=nonsense"))).Refused(400, "M_INVALID_PARAM");
        (await _ada.GetAsync(Mutual($"?user_id={_ada.UserId}"))).Refused(400, "M_INVALID_PARAM");
        foreach (var token in (string[])["x", "m2", "mzz", "m00"])
            (await _ada.GetAsync(Mutual($"?user_id={_bob.UserId}&from={token}"))).Refused(400, "M_INVALID_PARAM");
    }

    [Fact]
    public async Task a_moment_leads_to_the_nearest_event_that_one_may_see()
    {
        var room = await _ada.CreateRoomAsync();
        await _ada.SetStateAsync(room, "m.room.history_visibility", "", """{"history_visibility":"joined"}""");
        var ids = new List<string>();
        for (var number = 0; number < 3; number++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1000));
            ids.Add(await _ada.SendTextAsync(room, $"m{number}"));
        }
        Assert.Equal(ids[1], await NearestAsync(_ada, room, 1_002_000, "f"));
        Assert.Equal(ids[1], await NearestAsync(_ada, room, 1_002_000, "b"));
        Assert.Equal(ids[2], await NearestAsync(_ada, room, 1_002_001, "f"));
        Assert.Equal(ids[1], await NearestAsync(_ada, room, 1_002_999, "b"));
        (await _ada.GetAsync(Nearest(room, 1_003_001, "f"))).Refused(404, "M_NOT_FOUND");
        (await _ada.GetAsync(Nearest(room, 1, "b"))).Refused(404, "M_NOT_FOUND");
        _time.Advance(TimeSpan.FromMilliseconds(1000));
        await _bob.JoinAsync(room);
        _time.Advance(TimeSpan.FromMilliseconds(1000));
        var visible = await _ada.SendTextAsync(room, "for bob");
        Assert.Equal(visible, await NearestAsync(_bob, room, 1_004_500, "f"));
        Assert.DoesNotContain(await NearestAsync(_bob, room, 1_003_500, "b"), ids);
        var cyd = await _server.RegisterAsync("cyd");
        (await cyd.GetAsync(Nearest(room, 1, "f"))).Refused(403, "M_FORBIDDEN");
        const string path = "/_matrix/client/v1/rooms/";
        (await _ada.GetAsync($"{path}{room}/timestamp_to_event?dir=f")).Refused(400, "M_MISSING_PARAM");
        (await _ada.GetAsync($"{path}{room}/timestamp_to_event?ts=1")).Refused(400, "M_MISSING_PARAM");
        (await _ada.GetAsync($"{path}{room}/timestamp_to_event?ts=x&dir=f")).Refused(400, "M_INVALID_PARAM");
        (await _ada.GetAsync($"{path}{room}/timestamp_to_event?ts=1&dir=x")).Refused(400, "M_INVALID_PARAM");
    }

    private static string Mutual(string query) => "/_matrix/client/v1/mutual_rooms" + query;

    private static string Nearest(string room, long ts, string direction) => string.Create(
        CultureInfo.InvariantCulture, $"/_matrix/client/v1/rooms/{room}/timestamp_to_event?ts={ts}&dir={direction}");

    private static async Task<string> NearestAsync(TestUser user, string room, long ts, string direction) =>
        (await user.GetAsync(Nearest(room, ts, direction))).Ok().Text("event_id");

    private static async Task<JsonElement> SearchAsync(TestUser user, string body) =>
        (await user.PostAsync("user_directory/search", body)).Ok();

    private static async Task<IEnumerable<string>> FindAsync(TestUser user, string term) =>
        Users(await SearchAsync(user, $$"""{"search_term":"{{term}}"}"""));

    private static IEnumerable<string> Users(JsonElement answer) =>
        answer.GetProperty("results").EnumerateArray().Select(user => user.Text("user_id"));

    private static IEnumerable<string> Joined(JsonElement answer) =>
        answer.GetProperty("joined").EnumerateArray().Select(room => room.GetString()!);
}
