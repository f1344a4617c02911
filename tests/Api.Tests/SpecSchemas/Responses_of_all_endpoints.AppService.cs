using Matrix.EventSourced.Api.Tests.AppService;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <content>Application services. Theirs are answers that no other user gets, so they have a server of their own.
/// </content>
public sealed partial class Responses_of_all_endpoints
{
    private static async Task CallAppserviceAsync(SchemaWalk mainWalk)
    {
        await using var world = await BridgedServer.StartAsync("protocols: [irc]");
        world.Service.Answer = request => Task.FromResult<(int, string)?>(
            request.Path.EndsWith("/protocol/irc", StringComparison.Ordinal)
                ? (200, """
                    {"user_fields":["nick"],"location_fields":["channel"],"icon":"mxc://hs/x",
                    "field_types":{"nick":{"regexp":".*","placeholder":"n"},"channel":{"regexp":".*","placeholder":"c"}},
                    "instances":[{"desc":"Libera","network_id":"libera","fields":{}}]}
                    """)
                : request.Path.Contains("/thirdparty/location", StringComparison.Ordinal)
                    ? (200, """[{"alias":"#_irc_a:hs","protocol":"irc","fields":{}}]""")
                    : request.Path.Contains("/thirdparty/user", StringComparison.Ordinal)
                        ? (200, """[{"userid":"@_irc_a:hs","protocol":"irc","fields":{}}]""")
                        : null);
        var walk = new SchemaWalk(world.Server);
        var bot = world.Bot;
        await walk.CallAsync($"POST {V1}appservice/{{appserviceId}}/ping", bot, ["irc"], "{}");
        await walk.CallAsync($"POST {V1}appservice/{{appserviceId}}/ping", bot, ["other"], "{}", status: 403);
        await walk.CallAsync($"GET {V3}account/whoami", bot);
        await walk.CallAsync($"PUT {V3}devices/{{deviceId}}", bot, ["DEV"], "{}", status: 201);
        await walk.CallAsync(
            $"POST {V3}register", bot, body: """{"type":"m.login.application_service","username":"_irc_a"}""");
        await walk.CallAsync(
            $"POST {V3}login",
            bot,
            body: """{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"_irc_a"}}""");
        await walk.CallAsync($"GET {V3}login", null);
        var room = await bot.CreateRoomAsync();
        await walk.CallAsync(
            $"PUT {V3}directory/list/appservice/{{networkId}}/{{roomId}}", bot, ["libera", room], """{"visibility":"public"}""");
        await walk.CallAsync($"POST {V3}publicRooms", bot, body: """{"third_party_instance_id":"irc|libera"}""");
        await walk.CallAsync($"GET {V3}thirdparty/protocols", bot);
        await walk.CallAsync($"GET {V3}thirdparty/protocol/{{protocol}}", bot, ["irc"]);
        await walk.CallAsync($"GET {V3}thirdparty/location/{{protocol}}", bot, ["irc"]);
        await walk.CallAsync($"GET {V3}thirdparty/user/{{protocol}}", bot, ["irc"]);
        await walk.CallAsync($"GET {V3}thirdparty/location", bot, ["?alias=x"]);
        await walk.CallAsync($"GET {V3}thirdparty/user", bot, ["?userid=x"]);
        Assert.Empty(walk.Problems);
        mainWalk.Checked.UnionWith(walk.Checked);
    }
}
