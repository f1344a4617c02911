using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Account_data_and_filters(AccountServer server) : IClassFixture<AccountServer>
{
    [Fact]
    public async Task account_data_is_kept_verbatim_per_scope()
    {
        var session = await server.RegisterAsync("alice");
        const string content = """{ "b":1.50, "a":["\u00e9"] }""";
        var global = "user/@alice:hs/account_data/org.example%2Ftype";
        var room = "user/@alice:hs/rooms/!room:hs/account_data/org.example%2Ftype";

        (await server.SendAsync("GET", global, token: session.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("PUT", global, content, session.Token)).Is(200);
        Assert.Equal(content, (await server.SendAsync("GET", global, token: session.Token)).Text);
        (await server.SendAsync("GET", room, token: session.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("PUT", room, "{}", session.Token)).Is(200);
        Assert.Equal("{}", (await server.SendAsync("GET", room, token: session.Token)).Text);
        Assert.Equal(content, (await server.SendAsync("GET", global, token: session.Token)).Text);
    }

    [Fact]
    public async Task account_data_belongs_to_its_user()
    {
        var session = await server.RegisterAsync("owner");
        foreach (var path in new[] { "user/@other:hs/account_data/t", "user/@other:hs/rooms/!r:hs/account_data/t" })
        {
            (await server.SendAsync("GET", path, token: session.Token)).Is(403, ErrCodes.Forbidden);
            (await server.SendAsync("PUT", path, "{}", session.Token)).Is(403, ErrCodes.Forbidden);
        }
        (await server.SendAsync("PUT", "user/@owner:hs/rooms/noroom/account_data/t", "{}", session.Token))
            .Is(400, ErrCodes.InvalidParam);
        (await server.SendAsync("PUT", "user/@owner:hs/account_data/t", "[]", session.Token)).Is(400, ErrCodes.BadJson);
        (await server.SendAsync("PUT", "user/@owner:hs/account_data/t", "{", session.Token)).Is(400, ErrCodes.NotJson);
        (await server.SendAsync("PUT", $"user/@owner:hs/account_data/{new string('t', 256)}", "{}", session.Token))
            .Is(400, ErrCodes.InvalidParam);
        var large = $$"""{"a":"{{new string('x', 600_000)}}"}""";
        (await server.SendAsync("PUT", "user/@owner:hs/account_data/t", large, session.Token)).Is(
            413, ErrCodes.TooLarge);
    }

    [Theory]
    [InlineData("m.push_rules")]
    [InlineData("m.fully_read")]
    public async Task account_data_of_the_server_is_read_only(string type)
    {
        var session = await server.RegisterAsync(type.Replace('.', '-'));
        (await server.SendAsync("PUT", $"user/{session.UserId}/account_data/{type}", "{}", session.Token))
            .Is(405, ErrCodes.BadJson);
        (await server.SendAsync("PUT", $"user/{session.UserId}/rooms/!r:hs/account_data/{type}", "{}", session.Token))
            .Is(405, ErrCodes.BadJson);
    }

    [Fact]
    public async Task push_rules_are_there_from_the_start()
    {
        var session = await server.RegisterAsync("rules");
        var all = await server.SendAsync("GET", "pushrules/", token: session.Token);
        var global = await server.SendAsync("GET", "pushrules/global/", token: session.Token);
        Assert.Equal(all.Json.GetProperty("global").GetRawText(), global.Text);
        Assert.Equal(
            all.Text, (
                await server.SendAsync("GET", "user/@rules:hs/account_data/m.push_rules", token: session.Token)).Text);
        (await server.SendAsync("GET", "pushrules/")).Is(401, ErrCodes.MissingToken);
    }

    [Fact]
    public async Task filters_are_stored_and_given_back()
    {
        var session = await server.RegisterAsync("filters");
        const string filter =
            """{"room":{"timeline":{"limit":10,"types":["m.*"]}},"presence":{"not_senders":["@a:hs"]}}""";
        var id = (await server.SendAsync("POST", "user/@filters:hs/filter", filter, session.Token)).Get("filter_id");
        Assert.Equal(
            id, (await server.SendAsync("POST", "user/@filters:hs/filter", filter, session.Token)).Get("filter_id"));
        Assert.Equal(
            filter, (await server.SendAsync("GET", $"user/@filters:hs/filter/{id}", token: session.Token)).Text);
        (await server.SendAsync("GET", "user/@filters:hs/filter/none", token: session.Token)).Is(
            404, ErrCodes.NotFound);
        (await server.SendAsync("GET", $"user/@other:hs/filter/{id}", token: session.Token)).Is(
            403, ErrCodes.Forbidden);
        (await server.SendAsync("POST", "user/@other:hs/filter", filter, session.Token)).Is(403, ErrCodes.Forbidden);
    }

    [Theory]
    [InlineData("""{"room":7}""")]
    [InlineData("""{"room":{"timeline":[]}}""")]
    [InlineData("""{"room":{"timeline":{"limit":"10"}}}""")]
    [InlineData("""{"room":{"timeline":{"limit":-1}}}""")]
    [InlineData("""{"room":{"timeline":{"limit":1.5}}}""")]
    [InlineData("""{"room":{"state":{"types":"m.room.name"}}}""")]
    [InlineData("""{"room":{"state":{"types":[7]}}}""")]
    [InlineData("""{"room":{"state":{"lazy_load_members":"yes"}}}""")]
    [InlineData("""{"room":{"rooms":["no room"]}}""")]
    [InlineData("""{"room":{"include_leave":1}}""")]
    [InlineData("""{"presence":{"senders":["nobody"]}}""")]
    [InlineData("""{"event_format":"other"}""")]
    [InlineData("""{"event_fields":"content"}""")]
    public async Task what_is_no_filter_is_refused(string filter)
    {
        var session = (await server.LogInAsync("wrongfilters")).Status == 200
            ? (await server.LogInAsync("wrongfilters")).Session()
            : await server.RegisterAsync("wrongfilters");
        (await server.SendAsync("POST", "user/@wrongfilters:hs/filter", filter, session.Token)).Is(
            400, ErrCodes.BadJson);
    }
}
