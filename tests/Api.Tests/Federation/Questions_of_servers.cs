using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>What another server is told of users, directories and rooms.</summary>
public sealed class Questions_of_servers : OneHostileServer
{
    [Fact]
    public async Task profile_is_told_whole_or_one_field_of_it()
    {
        var profile = $"/_matrix/client/v3/profile/{Uri.EscapeDataString(Alice.UserId)}";
        (await Alice.PutAsync($"{profile}/displayname", """{"displayname":"Alice"}""")).Ok();
        (await Alice.PutAsync($"{profile}/m.tz", """{"m.tz":"Europe/Paris"}""")).Ok();
        (await Alice.PutAsync($"{profile}/org.example.pets", """{"org.example.pets":["cat"]}""")).Ok();
        var query = $"{V1}/query/profile?user_id={Uri.EscapeDataString(Alice.UserId)}";

        Assert.Equal(
            """{"displayname":"Alice","m.tz":"Europe/Paris","org.example.pets":["cat"]}""",
            (await AskAsync("GET", query)).Ok().ToString());
        Assert.Equal("""{"m.tz":"Europe/Paris"}""", (await AskAsync("GET", $"{query}&field=m.tz")).Ok().ToString());
        (await AskAsync("GET", $"{query}&field=avatar_url")).Refused(404, "M_NOT_FOUND");
        (await AskAsync("GET", $"{query}&field=org.example.none")).Refused(404, "M_NOT_FOUND");
    }

    [Theory]
    [InlineData("query/profile", "M_MISSING_PARAM")]
    [InlineData("query/profile?user_id=alice", "M_INVALID_PARAM")]
    [InlineData("query/profile?user_id=%40a%3Aexample.org", "M_INVALID_PARAM")]
    [InlineData("query/directory", "M_MISSING_PARAM")]
    [InlineData("query/directory?room_alias=here", "M_INVALID_PARAM")]
    public async Task incomplete_queries_are_refused(string query, string errCode) =>
        (await AskAsync("GET", $"{V1}/{query}")).Refused(400, errCode);

    /// <summary>Rooms that were split have many heads; who names them all was refused.</summary>
    [Fact]
    public async Task more_events_may_be_named_than_are_looked_at()
    {
        var first = await Alice.SendTextAsync(Room, "one");
        await Alice.SendTextAsync(Room, "two");
        var third = await Alice.SendTextAsync(Room, "three");
        var heads = string.Join(',', Enumerable.Range(0, 150).Select(number => $"\"$head{number}\"").Prepend($"\"{first}\""));
        var missing = (await AskAsync(
            "POST",
            $"{V1}/get_missing_events/{Uri.EscapeDataString(Room)}",
            $$"""{"earliest_events":[{{heads}}],"latest_events":["{{third}}"],"limit":10}""")).Ok();
        var query = string.Concat(Enumerable.Range(0, 150).Select(number => $"&v=%24head{number}"));
        var history = (await AskAsync(
            "GET",
            $"{V1}/backfill/{Uri.EscapeDataString(Room)}?limit=1&v={Uri.EscapeDataString(third)}{query}")).Ok();

        Assert.Equal(
            "two", Assert.Single(missing.GetProperty("events").EnumerateArray()).GetProperty("content").Text("body"));
        Assert.Equal(
            "three", Assert.Single(history.GetProperty("pdus").EnumerateArray()).GetProperty("content").Text("body"));
    }

    /// <summary>The limit's default, said aloud: it led to an empty page that was to be asked for again.</summary>
    [Fact]
    public async Task directory_without_a_limit_is_told_whole()
    {
        (await Alice.PutAsync(
            $"/_matrix/client/v3/directory/list/room/{Uri.EscapeDataString(Room)}", """{"visibility":"public"}""")).Ok();
        var page = (await AskAsync("GET", $"{V1}/publicRooms?limit=0")).Ok();

        Assert.Equal(Room, Assert.Single(page.GetProperty("chunk").EnumerateArray()).Text("room_id"));
        Assert.False(page.TryGetProperty("next_batch", out _));
    }

    [Fact]
    public async Task space_shows_rooms_that_the_servers_user_is_invited_to()
    {
        var invited = await Alice.CreateRoomAsync(
            $$"""{"preset":"private_chat","room_version":"11","invite":["{{Mallory.UserId}}"]}""");
        var secret = await Alice.CreateRoomAsync("""{"preset":"private_chat","room_version":"11"}""");
        var left = await Alice.CreateRoomAsync("""{"preset":"public_chat","room_version":"11"}""");
        var space = await Alice.CreateRoomAsync(
            """{"preset":"public_chat","room_version":"11","creation_content":{"type":"m.space"}}""");
        foreach (var child in (string[])[invited, secret, left])
            await Alice.SetStateAsync(space, "m.space.child", child, $$"""{"via":["{{Us}}"]}""");
        (await Alice.PostAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(left)}/leave")).Ok();
        var answer = (await AskAsync("GET", $"{V1}/hierarchy/{Uri.EscapeDataString(space)}")).Ok();
        var ofLeft = await AskAsync("GET", $"{V1}/hierarchy/{Uri.EscapeDataString(left)}");

        Assert.Equal(invited, Assert.Single(answer.GetProperty("children").EnumerateArray()).Text("room_id"));
        Assert.Equal(secret, Assert.Single(answer.GetProperty("inaccessible_children").EnumerateArray()).GetString());
        Assert.Equal(3, answer.GetProperty("room").GetProperty("children_state").GetArrayLength());
        ofLeft.Refused(404, "M_NOT_FOUND");
    }

    /// <summary>Without members a room that has no name would have none to be called by.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("Named")]
    public async Task join_without_members_tells_the_heroes_and_who_was_there_before(string? name)
    {
        var carol = await Ours.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync(
            $$"""{"preset":"public_chat","room_version":"11"{{(name is null ? "" : $",\"name\":\"{name}\"")}}}""");
        await carol.JoinAsync(room);
        var join = Complete(await MakeAsync("join", room, Mallory.UserId));
        var path = $"/_matrix/federation/v2/send_join/{Uri.EscapeDataString(room)}/{Uri.EscapeDataString(join.EventId.Value)}";
        var answer = (await AskAsync(
            "PUT", $"{path}?omit_members=true", System.Text.Encoding.UTF8.GetString(join.Json.Span))).Ok();
        var members = answer.GetProperty("state").EnumerateArray()
            .Where(entry => entry.Text("type") == "m.room.member").Select(entry => entry.Text("state_key"));
        var servers = answer.GetProperty("servers_in_room").EnumerateArray().Select(server => server.GetString());

        Assert.True(answer.GetProperty("members_omitted").GetBoolean());
        Assert.Equal(name is null ? [Alice.UserId, carol.UserId] : [], members);
        Assert.Equal([Us.Value], servers);
    }
}
