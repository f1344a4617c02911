using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.AppService;

public sealed class Asking_application_services
{
    private const string NotFound = """{"errcode":"HS.IRC_NOT_FOUND"}""";
    private const string Ping = "/_matrix/client/v1/appservice/irc/ping";

    [Fact]
    public async Task for_a_user_lets_them_make_it()
    {
        await using var world = await BridgedServer.StartAsync();
        var asked = new List<string>();
        world.Service.Answer = async request =>
        {
            if (!request.Path.StartsWith("/_matrix/app/v1/users/", StringComparison.Ordinal))
                return null;
            lock (asked)
                asked.Add(request.Path);
            if (!request.Path.Contains("_irc_new", StringComparison.Ordinal))
                return (404, NotFound);
            await world.RegisterGhostAsync(request.Path.Contains("_irc_new2", StringComparison.Ordinal) ? "_irc_new2" : "_irc_new");
            return null;
        };
        var alice = await world.Server.RegisterAsync("alice");
        (await alice.GetAsync("profile/@_irc_new:hs")).Ok();
        (await alice.GetAsync("profile/@_irc_none:hs")).Refused(404, "M_NOT_FOUND");
        (await alice.GetAsync("profile/@nobody:hs")).Refused(404, "M_NOT_FOUND");
        Assert.Equal(["/_matrix/app/v1/users/@_irc_new:hs", "/_matrix/app/v1/users/@_irc_none:hs"], asked);
        // Once made, nobody is asked again.
        (await alice.GetAsync("profile/@_irc_new:hs")).Ok();
        Assert.Single(asked, path => path.EndsWith("_irc_new:hs", StringComparison.Ordinal));

        var room = await alice.CreateRoomAsync();
        (await alice.PostAsync($"rooms/{room}/invite", """{"user_id":"@_irc_new2:hs"}""")).Ok();
        await new Ghost(world.Server, "@_irc_new2:hs").JoinAsync(room);
    }

    [Fact]
    public async Task for_an_alias_lets_them_make_the_room()
    {
        await using var world = await BridgedServer.StartAsync();
        world.Service.Answer = async request =>
        {
            if (!request.Path.StartsWith("/_matrix/app/v1/rooms/", StringComparison.Ordinal))
                return null;
            if (!request.Path.EndsWith("#_irc_new:hs", StringComparison.Ordinal))
                return (404, NotFound);
            // Bridges look whether it is there, while they are asked for it.
            (await world.Bot.GetAsync("directory/room/%23_irc_new:hs")).Refused(404, "M_NOT_FOUND");
            (await world.Bot.GetAsync("profile/@_irc_new:hs")).Refused(404, "M_NOT_FOUND");
            await world.Bot.CreateRoomAsync("""{"preset":"public_chat","room_alias_name":"_irc_new"}""");
            return null;
        };
        var alice = await world.Server.RegisterAsync("alice");
        await alice.JoinAsync("#_irc_new:hs");
        Assert.NotEmpty((await alice.GetAsync("directory/room/%23_irc_new:hs")).Ok().Text("room_id"));
        (await alice.GetAsync("directory/room/%23_irc_none:hs")).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task for_an_alias_that_nobody_answers_for_times_out()
    {
        await using var world = await BridgedServer.StartAsync(url: "http://127.0.0.1:9");
        var alice = await world.Server.RegisterAsync("alice");
        Assert.Equal(408, (await alice.GetAsync("directory/room/%23_irc_new:hs")).Status);
        (await alice.GetAsync("directory/room/%23other:hs")).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task whether_they_are_there_says_what_is_wrong()
    {
        await using var world = await BridgedServer.StartAsync();
        ReceivedRequest? pinged = null;
        var answer = (200, "{}");
        world.Service.Answer = request =>
        {
            pinged = request;
            return Task.FromResult<(int, string)?>(answer);
        };
        var ok = (await world.Bot.PostAsync(Ping, """{"transaction_id":"meow"}""")).Ok();
        Assert.True(ok.GetProperty("duration_ms").GetInt64() >= 0);
        Assert.Equal(
            ("POST", "/_matrix/app/v1/ping", $"Bearer {BridgedServer.HsToken}", """{"transaction_id":"meow"}"""),
            (pinged!.Method, pinged.Path, pinged.Authorization!, pinged.Body));
        (await world.Bot.PostAsync(Ping)).Ok();
        Assert.Equal("{}", pinged.Body);

        answer = (403, """{"errcode":"M_FORBIDDEN"}""");
        var bad = await world.Bot.PostAsync(Ping);
        bad.Refused(502, "M_BAD_STATUS");
        Assert.Equal(403, bad.Json.GetProperty("status").GetInt32());
        Assert.Equal("""{"errcode":"M_FORBIDDEN"}""", bad.Json.Text("body"));

        (await world.Bot.PostAsync("/_matrix/client/v1/appservice/other/ping")).Refused(403, "M_FORBIDDEN");
        var alice = await world.Server.RegisterAsync("alice");
        (await alice.PostAsync(Ping)).Refused(403, "M_FORBIDDEN");
        (await world.Bot.PostAsync(Ping, """{"transaction_id":7}""")).Refused(400, "M_BAD_JSON");
    }

    [Fact]
    public async Task whether_they_are_there_fails_without_an_address_or_a_listener()
    {
        await using (var world = await BridgedServer.StartAsync(url: "null"))
            (await world.Bot.PostAsync(Ping)).Refused(400, "M_URL_NOT_SET");
        await using (var world = await BridgedServer.StartAsync(url: "http://127.0.0.1:9"))
            (await world.Bot.PostAsync(Ping)).Refused(502, "M_CONNECTION_FAILED");
    }

    [Fact]
    public async Task about_their_networks_passes_on_what_they_say()
    {
        await using var world = await BridgedServer.StartAsync("protocols: [irc]");
        var queries = new List<string>();
        world.Service.Answer = request =>
        {
            lock (queries)
                queries.Add(request.Path + request.Query);
            return Task.FromResult<(int, string)?>(request.Path switch
            {
                "/_matrix/app/v1/thirdparty/protocol/irc" => (200, """
                    {"user_fields":["nick"],"location_fields":["channel"],"icon":"mxc://hs/x","field_types":{},
                    "instances":[{"desc":"Libera","network_id":"libera","fields":{}}]}
                    """),
                "/_matrix/app/v1/thirdparty/location/irc" => (200, """[{"alias":"#_irc_a:hs","protocol":"irc","fields":{}}]"""),
                "/_matrix/app/v1/thirdparty/user" => (200, """[{"userid":"@_irc_a:hs","protocol":"irc","fields":{}}]"""),
                "/_matrix/app/v1/thirdparty/location" => (200, "[]"),
                _ => (500, "oops"),
            });
        };
        var alice = await world.Server.RegisterAsync("alice");
        var protocols = (await alice.GetAsync("thirdparty/protocols")).Ok();
        var instance = protocols.GetProperty("irc").GetProperty("instances")[0];
        Assert.Equal("irc|libera", instance.Text("instance_id"));
        Assert.Equal("nick", (await alice.GetAsync("thirdparty/protocol/irc")).Ok().GetProperty("user_fields")[0].GetString());
        (await alice.GetAsync("thirdparty/protocol/xmpp")).Refused(404, "M_NOT_FOUND");
        var locations = (await alice.GetAsync("thirdparty/location/irc?channel=%23a&access_token=x")).Ok();
        Assert.Equal("#_irc_a:hs", locations[0].Text("alias"));
        Assert.Contains("/_matrix/app/v1/thirdparty/location/irc?channel=%23a", queries);
        Assert.Equal("@_irc_a:hs", (await alice.GetAsync("thirdparty/user?userid=@_irc_a:hs")).Ok()[0].Text("userid"));
        (await alice.GetAsync("thirdparty/user/irc?nick=a")).Refused(404, "M_NOT_FOUND");
        (await alice.GetAsync("thirdparty/location?alias=%23a:hs")).Refused(404, "M_NOT_FOUND");
        (await alice.GetAsync("thirdparty/location")).Refused(400, "M_MISSING_PARAM");
    }

    [Fact]
    public async Task their_directories_stand_beside_the_servers_own()
    {
        await using var world = await BridgedServer.StartAsync("protocols: [irc]");
        var alice = await world.Server.RegisterAsync("alice");
        var own = await alice.CreateRoomAsync("""{"preset":"public_chat","visibility":"public"}""");
        var bridged = await alice.CreateRoomAsync();
        var path = $"directory/list/appservice/libera/{bridged}";
        (await alice.PutAsync(path, """{"visibility":"public"}""")).Refused(403, "M_FORBIDDEN");
        (await world.Bot.PutAsync(path, "{}")).Refused(400, "M_MISSING_PARAM");
        (await world.Bot.PutAsync(path, """{"visibility":"open"}""")).Refused(400, "M_INVALID_PARAM");
        (await world.Bot.PutAsync("directory/list/appservice/libera/!none:hs", """{"visibility":"public"}"""))
            .Refused(404, "M_NOT_FOUND");
        (await world.Bot.PutAsync(path, """{"visibility":"public"}""")).Ok();

        Assert.Equal([own], await ListAsync(alice, "{}"));
        Assert.Equal([bridged], await ListAsync(alice, """{"third_party_instance_id":"irc|libera"}"""));
        Assert.Empty(await ListAsync(alice, """{"third_party_instance_id":"irc|other"}"""));
        Assert.Empty(await ListAsync(alice, """{"third_party_instance_id":"nothing"}"""));
        var all = await ListAsync(alice, """{"include_all_networks":true}""");
        Assert.Equal(new[] { bridged, own }.Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
        (await alice.PostAsync("publicRooms", """{"include_all_networks":true,"third_party_instance_id":"irc|libera"}"""))
            .Refused(400, "M_INVALID_PARAM");
        (await alice.PostAsync("publicRooms", """{"include_all_networks":1}""")).Refused(400, "M_BAD_JSON");

        (await world.Bot.PutAsync(path, """{"visibility":"private"}""")).Ok();
        Assert.Empty(await ListAsync(alice, """{"third_party_instance_id":"irc|libera"}"""));
    }

    private static async Task<List<string>> ListAsync(TestUser user, string body) =>
        [.. (await user.PostAsync("publicRooms", body)).Ok().GetProperty("chunk").EnumerateArray().Select(room => room.Text("room_id"))];
}
