using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Room_tags(AccountServer server) : IClassFixture<AccountServer>
{
    [Fact]
    public async Task tags_are_put_on_a_room_and_taken_off()
    {
        var alice = await server.RegisterAsync("alice");
        const string tags = "user/@alice:hs/rooms/!r:hs/tags";
        const string data = "user/@alice:hs/rooms/!r:hs/account_data/m.tag";
        Assert.Equal("""{"tags":{}}""", (await server.SendAsync("GET", tags, token: alice.Token)).Text);
        (await server.SendAsync("PUT", tags + "/m.favourite", """{"order":0.25}""", alice.Token)).Is(200);
        (await server.SendAsync("PUT", tags + "/u.w%2Fork", """{"color":"red"}""", alice.Token)).Is(200);
        (await server.SendAsync("PUT", tags + "/m.favourite", """{"order":1}""", alice.Token)).Is(200);
        const string both = """{"tags":{"u.w/ork":{"color":"red"},"m.favourite":{"order":1}}}""";
        Assert.Equal(both, (await server.SendAsync("GET", tags, token: alice.Token)).Text);
        Assert.Equal(both, (await server.SendAsync("GET", data, token: alice.Token)).Text);
        (await server.SendAsync("DELETE", tags + "/u.w%2Fork", token: alice.Token)).Is(200);
        (await server.SendAsync("DELETE", tags + "/u.w%2Fork", token: alice.Token)).Is(200);
        Assert.Equal("""{"tags":{"m.favourite":{"order":1}}}""", (await server.SendAsync("GET", tags, token: alice.Token)).Text);
        Assert.Equal(
            """{"tags":{}}""", (await server.SendAsync("GET", "user/@alice:hs/rooms/!o:hs/tags", token: alice.Token)).Text);
    }

    [Fact]
    public async Task tags_survive_account_data_that_is_none()
    {
        var bob = await server.RegisterAsync("bob");
        const string tags = "user/@bob:hs/rooms/!r:hs/tags";
        const string data = "user/@bob:hs/rooms/!r:hs/account_data/m.tag";
        var deep = string.Concat(Enumerable.Repeat("[", 90)) + string.Concat(Enumerable.Repeat("]", 90));
        (await server.SendAsync("PUT", data, $$$"""{"tags":[],"other":{{{deep}}}}""", bob.Token)).Is(200);
        Assert.Equal("""{"tags":{}}""", (await server.SendAsync("GET", tags, token: bob.Token)).Text);
        (await server.SendAsync("PUT", tags + "/u.a", "{}", bob.Token)).Is(200);
        Assert.Equal(
            "{\"other\":" + deep + ",\"tags\":{\"u.a\":{}}}", (await server.SendAsync("GET", data, token: bob.Token)).Text);
    }

    [Theory]
    [InlineData("@tagger:hs/rooms/!r:hs/tags/t", """{"order":"1"}""", 400, ErrCodes.BadJson)]
    [InlineData("@tagger:hs/rooms/!r:hs/tags/t", """{"order":1.1}""", 400, ErrCodes.InvalidParam)]
    [InlineData("@tagger:hs/rooms/!r:hs/tags/t", """{"order":-0.1}""", 400, ErrCodes.InvalidParam)]
    [InlineData("@tagger:hs/rooms/!r:hs/tags/t", "[]", 400, ErrCodes.BadJson)]
    [InlineData("@tagger:hs/rooms/kitchen/tags/t", "{}", 400, ErrCodes.InvalidParam)]
    [InlineData("@other:hs/rooms/!r:hs/tags/t", "{}", 403, ErrCodes.Forbidden)]
    public async Task what_is_no_tag_is_refused(string path, string body, int status, string errCode)
    {
        var session = (await server.LogInAsync("tagger")) is { Status: 200 } known
            ? known.Session()
            : await server.RegisterAsync("tagger");
        (await server.SendAsync("PUT", "user/" + path, body, session.Token)).Is(status, errCode);
        (await server.SendAsync("PUT", $"user/@tagger:hs/rooms/!r:hs/tags/{new string('t', 256)}", "{}", session.Token))
            .Is(400, ErrCodes.InvalidParam);
    }
}
