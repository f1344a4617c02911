using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Account;

public sealed class Registration_is_counted
{
    // Element Web asks which flows there are when the page opens, whether the name is free at every few letters, and for
    // the flows once more: a dozen requests. Where each was counted as a registration, the second person behind an
    // address was told to wait, by a page that then lost the account it had made.
    [Fact]
    public async Task when_it_makes_an_account_and_not_when_a_client_asks_before()
    {
        await using var server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = new FakeTimeProvider(),
            Configure = config => config with
            {
                RateLimits = new(true, new Dictionary<RateClass, RateLimit>
                {
                    [RateClass.Registration] = new(0.001, 2),
                    [RateClass.Read] = new(0.001, 14),
                }),
            },
        });
        foreach (var name in new[] { "ada", "bob" })
        {
            Assert.Equal(401, (await AskAsync("{}")).Status);
            for (var n = 0; n < 3; n++)
                (await server.SendAsync("GET", "register/available?username=" + name)).Ok();
            var challenge = await AskAsync($$"""{"username":"{{name}}","password":"secret"}""");
            Assert.Equal(401, challenge.Status);
            (await AuthenticateAsync(name, JsonElement.Parse(challenge.Text).Text("session"))).Ok();
        }

        (await AuthenticateAsync("cyd", "unknown")).Refused(429, "M_LIMIT_EXCEEDED");
        // Asking is counted too, for more: ten times until here.
        for (var n = 0; n < 4; n++)
            Assert.Equal(401, (await AskAsync("{}")).Status);
        (await AskAsync("{}")).Refused(429, "M_LIMIT_EXCEEDED");

        Task<Reply> AskAsync(string body) => server.SendAsync("POST", "register", body: body);

        Task<Reply> AuthenticateAsync(string name, string session) => AskAsync(
            $$"""
            {"username":"{{name}}","password":"secret","auth":{"type":"m.login.dummy","session":"{{session}}" } }
            """);
    }
}
