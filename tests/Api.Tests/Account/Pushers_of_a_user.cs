using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Pushers_of_a_user(AccountServer server) : IClassFixture<AccountServer>
{
    private const string Url = "https://push.example.org/_matrix/push/v1/notify";

    [Fact]
    public async Task pushers_are_made_changed_and_removed()
    {
        var alice = await server.RegisterAsync("alice");
        Assert.Equal("""{"pushers":[]}""", (await server.SendAsync("GET", "pushers", token: alice.Token)).Text);
        (await SetAsync(alice, Pusher("one"))).Is(200);
        (await SetAsync(alice, Pusher("two"))).Is(200);
        (await SetAsync(alice, Pusher("one", "de"))).Is(200);
        Assert.Equal(
            """
            {"pushkey":"one","kind":"http","app_id":"org.example","app_display_name":"App","device_display_name":"Phone",
            "profile_tag":"tag","lang":"de","data":{"url":"https://push.example.org/_matrix/push/v1/notify","x":1}}
            """.ReplaceLineEndings(""),
            (await AllAsync(alice))[^1].GetRawText());
        Assert.Equal(2, (await AllAsync(alice)).Count);
        (await SetAsync(alice, """{"kind":null,"app_id":"org.example","pushkey":"one"}""")).Is(200);
        (await SetAsync(alice, """{"kind":null,"app_id":"org.example","pushkey":"none"}""")).Is(200);
        Assert.Equal("two", Assert.Single(await AllAsync(alice)).GetProperty("pushkey").GetString());
    }

    [Fact]
    public async Task a_device_that_changes_hands_takes_its_pusher_along_unless_it_is_shared()
    {
        var first = await server.RegisterAsync("first");
        var second = await server.RegisterAsync("second");
        (await SetAsync(first, Pusher("hands"))).Is(200);
        (await SetAsync(second, Pusher("hands").Replace("\"lang\"", "\"append\":true,\"lang\"", StringComparison.Ordinal))).Is(200);
        Assert.Single(await AllAsync(first));
        (await SetAsync(second, Pusher("hands", "fr"))).Is(200);
        Assert.Empty(await AllAsync(first));
        Assert.Single(await AllAsync(second));
    }

    [Fact]
    public async Task a_pusher_goes_with_its_device()
    {
        var phone = await server.RegisterAsync("goes");
        var laptop = (await server.LogInAsync("goes")).Session();
        (await SetAsync(phone, Pusher("phone"))).Is(200);
        (await SetAsync(laptop, Pusher("laptop"))).Is(200);
        (await server.SendAsync("POST", "logout", "{}", phone.Token)).Is(200);
        Assert.Equal("laptop", Assert.Single(await AllAsync(laptop)).GetProperty("pushkey").GetString());
    }

    [Theory]
    [InlineData("{}", ErrCodes.MissingParam)]
    [InlineData("""{"kind":"http"}""", ErrCodes.MissingParam)]
    [InlineData("""{"kind":"http","app_id":"a","pushkey":"k"}""", ErrCodes.MissingParam)]
    [InlineData("""{"kind":7,"app_id":"a","pushkey":"k"}""", ErrCodes.BadJson)]
    [InlineData("""{"kind":"email","app_id":"m.email","pushkey":"a@b.c"}""", ErrCodes.InvalidParam)]
    [InlineData("""{"kind":null,"app_id":"","pushkey":"k"}""", ErrCodes.InvalidParam)]
    [InlineData("""{"kind":null,"app_id":"a","pushkey":7}""", ErrCodes.BadJson)]
    public async Task what_is_no_pusher_is_refused(string body, string errCode)
    {
        var session = await SessionAsync();
        (await SetAsync(session, body)).Is(400, errCode);
    }

    [Theory]
    [InlineData("http://push.example.org/_matrix/push/v1/notify")]
    [InlineData("https://push.example.org/notify")]
    [InlineData("https://push.example.org/")]
    [InlineData("push.example.org")]
    [InlineData("ftp://push.example.org/_matrix/push/v1/notify")]
    public async Task what_is_no_gateway_is_refused(string url)
    {
        var session = await SessionAsync();
        (await SetAsync(session, Pusher("k").Replace(Url, url, StringComparison.Ordinal))).Is(400, ErrCodes.InvalidParam);
    }

    [Fact]
    public async Task pushers_have_sizes()
    {
        var session = await SessionAsync();
        (await SetAsync(session, Pusher(new string('k', 513)))).Is(400, ErrCodes.InvalidParam);
        (await SetAsync(session, Pusher("k", new string('l', 20_000)))).Is(413, ErrCodes.TooLarge);
    }

    private static string Pusher(string key, string language = "en") =>
        $$$"""
        {"kind":"http","app_id":"org.example","pushkey":"{{{key}}}","app_display_name":"App","device_display_name":"Phone",
        "profile_tag":"tag","lang":"{{{language}}}","data":{"url":"{{{Url}}}","x":1}}
        """;

    private Task<Answer> SetAsync(Session session, string body) => server.SendAsync("POST", "pushers/set", body, session.Token);

    private async Task<List<System.Text.Json.JsonElement>> AllAsync(Session session) =>
        [.. (await server.SendAsync("GET", "pushers", token: session.Token)).Json.GetProperty("pushers").EnumerateArray()];

    private async Task<Session> SessionAsync() => (await server.LogInAsync("refused")) is { Status: 200 } known
        ? known.Session()
        : await server.RegisterAsync("refused");
}
