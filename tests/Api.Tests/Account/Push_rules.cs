using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Push_rules(AccountServer server) : IClassFixture<AccountServer>
{
    private const string Notify = """{"actions":["notify"]}""";

    [Fact]
    public async Task rules_are_put_read_and_deleted()
    {
        var alice = await server.RegisterAsync("put");
        const string rule = "pushrules/global/content/cake%20lie";
        (await server.SendAsync("GET", rule, token: alice.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync(
            "PUT", rule, """{"pattern":"cake*lie","actions":["notify","dont_notify",{"set_tweak":"highlight"}]}""", alice.Token)).Is(200);
        Assert.Equal(
            """{"actions":["notify",{"set_tweak":"highlight"}],"default":false,"enabled":true,"pattern":"cake*lie","rule_id":"cake lie"}""",
            (await server.SendAsync("GET", rule, token: alice.Token)).Text);
        Assert.Equal("""{"enabled":true}""", (await server.SendAsync("GET", rule + "/enabled", token: alice.Token)).Text);
        (await server.SendAsync("PUT", rule + "/enabled", """{"enabled":false}""", alice.Token)).Is(200);
        (await server.SendAsync("PUT", rule + "/actions", """{"actions":[]}""", alice.Token)).Is(200);
        Assert.Equal("""{"actions":[]}""", (await server.SendAsync("GET", rule + "/actions", token: alice.Token)).Text);
        // Changed, it stays off; made anew, it is on.
        (await server.SendAsync("PUT", rule, """{"pattern":"pie","actions":[]}""", alice.Token)).Is(200);
        Assert.Equal("""{"enabled":false}""", (await server.SendAsync("GET", rule + "/enabled", token: alice.Token)).Text);
        (await server.SendAsync("DELETE", rule, token: alice.Token)).Is(200);
        (await server.SendAsync("DELETE", rule, token: alice.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("PUT", rule, """{"pattern":"pie","actions":[]}""", alice.Token)).Is(200);
        Assert.Equal("""{"enabled":true}""", (await server.SendAsync("GET", rule + "/enabled", token: alice.Token)).Text);
    }

    [Fact]
    public async Task rules_have_the_place_that_was_asked_for()
    {
        var alice = await server.RegisterAsync("order");
        await PutAsync(alice, "a", "");
        await PutAsync(alice, "b", "");
        await PutAsync(alice, "c", "?after=b");
        await PutAsync(alice, "d", "?before=c");
        Assert.Equal([".m.rule.master", "b", "d", "c", "a", ".m.rule.suppress_notices"], (await OverridesAsync(alice)).Take(6));
        await PutAsync(alice, "a", "?before=b&after=c");
        await PutAsync(alice, "c", "");
        Assert.Equal([".m.rule.master", "a", "b", "d", "c"], (await OverridesAsync(alice)).Take(5));

        const string path = "pushrules/global/override/x";
        (await server.SendAsync("PUT", path + "?before=.m.rule.tombstone", Notify, alice.Token)).Is(400, ErrCodes.InvalidParam);
        (await server.SendAsync("PUT", path + "?before=x", Notify, alice.Token)).Is(400, ErrCodes.InvalidParam);
        (await server.SendAsync("PUT", path + "?after=none", Notify, alice.Token)).Is(400, ErrCodes.Unknown);
    }

    [Fact]
    public async Task the_servers_rules_change_their_actions_only()
    {
        var alice = await server.RegisterAsync("predefined");
        const string rule = "pushrules/global/underride/.m.rule.message";
        (await server.SendAsync("PUT", rule + "/actions", """{"actions":[]}""", alice.Token)).Is(200);
        (await server.SendAsync("PUT", rule + "/enabled", """{"enabled":false}""", alice.Token)).Is(200);
        var read = (await server.SendAsync("GET", rule, token: alice.Token)).Json;
        Assert.True(read.GetProperty("default").GetBoolean());
        Assert.False(read.GetProperty("enabled").GetBoolean());
        Assert.Equal(0, read.GetProperty("actions").GetArrayLength());
        (await server.SendAsync("PUT", rule, Notify, alice.Token)).Is(400, ErrCodes.InvalidParam);
        (await server.SendAsync("DELETE", rule, token: alice.Token)).Is(400, ErrCodes.InvalidParam);
        Assert.Equal(
            (await server.SendAsync("GET", "pushrules/", token: alice.Token)).Text,
            (await server.SendAsync("GET", $"user/{alice.UserId}/account_data/m.push_rules", token: alice.Token)).Text);
    }

    [Theory]
    [InlineData("other/x", Notify, ErrCodes.InvalidParam)]
    [InlineData("override/a%2Fb", Notify, ErrCodes.InvalidParam)]
    [InlineData("override/a%5Cb", Notify, ErrCodes.InvalidParam)]
    [InlineData("override/.mine", Notify, ErrCodes.InvalidParam)]
    [InlineData("room/kitchen", Notify, ErrCodes.InvalidParam)]
    [InlineData("sender/bob", Notify, ErrCodes.InvalidParam)]
    [InlineData("override/x", "{}", ErrCodes.MissingParam)]
    [InlineData("override/x", """{"actions":{}}""", ErrCodes.BadJson)]
    [InlineData("override/x", """{"actions":[7]}""", ErrCodes.BadJson)]
    [InlineData("override/x", """{"actions":["jump"]}""", ErrCodes.InvalidParam)]
    [InlineData("override/x", """{"actions":[{}]}""", ErrCodes.InvalidParam)]
    [InlineData("override/x", """{"actions":[],"conditions":{}}""", ErrCodes.BadJson)]
    [InlineData("override/x", """{"actions":[],"conditions":[{}]}""", ErrCodes.MissingParam)]
    [InlineData("content/x", Notify, ErrCodes.MissingParam)]
    [InlineData("content/x", """{"actions":[],"pattern":7}""", ErrCodes.BadJson)]
    [InlineData("override/x/enabled", "{}", ErrCodes.MissingParam)]
    [InlineData("override/x/enabled", """{"enabled":1}""", ErrCodes.BadJson)]
    [InlineData("override/x/actions", "{}", ErrCodes.MissingParam)]
    public async Task what_is_no_rule_is_refused(string path, string body, string errCode)
    {
        var session = (await server.LogInAsync("wrongrules")) is { Status: 200 } known
            ? known.Session()
            : await server.RegisterAsync("wrongrules");
        (await server.SendAsync("PUT", "pushrules/global/" + path, body, session.Token)).Is(400, errCode);
    }

    [Fact]
    public async Task what_is_not_there_is_not_found()
    {
        var alice = await server.RegisterAsync("nothing");
        const string rule = "pushrules/global/override/none";
        (await server.SendAsync("GET", rule + "/enabled", token: alice.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("GET", rule + "/actions", token: alice.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("PUT", rule + "/enabled", """{"enabled":true}""", alice.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("PUT", rule + "/actions", Notify, alice.Token)).Is(404, ErrCodes.NotFound);
    }

    [Fact]
    public async Task rules_have_a_size()
    {
        var alice = await server.RegisterAsync("size");
        var large = $$"""{"actions":[],"pattern":"{{new string('x', 140_000)}}"}""";
        (await server.SendAsync("PUT", "pushrules/global/content/large", large, alice.Token)).Is(413, ErrCodes.TooLarge);
    }

    private async Task PutAsync(Session session, string ruleId, string query) => (await server.SendAsync(
        "PUT", $"pushrules/global/override/{ruleId}{query}", Notify, session.Token)).Is(200);

    private async Task<IEnumerable<string?>> OverridesAsync(Session session) =>
        (await server.SendAsync("GET", "pushrules/global/", token: session.Token)).Json.GetProperty("override")
            .EnumerateArray().Select(rule => rule.GetProperty("rule_id").GetString());
}
