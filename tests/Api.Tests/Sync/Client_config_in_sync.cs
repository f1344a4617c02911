using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

public class Client_config_in_sync
{
    [Fact]
    public async Task changed_push_rules_and_tags_come_with_the_next_sync()
    {
        await using var server = await TestHomeserver.StartAsync();
        var alice = await server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var first = await alice.SyncAsync();
        Assert.Single(PushRules(first));

        (await alice.PutAsync("pushrules/global/override/mine", """{"actions":["notify"]}""")).Ok();
        (await alice.PutAsync($"user/{alice.UserId}/rooms/{room}/tags/m.favourite", "{}")).Ok();
        var second = await alice.SyncAsync(first.Text("next_batch"));
        var rules = Assert.Single(PushRules(second)).GetProperty("global");
        Assert.Equal("mine", rules.GetProperty("override")[1].Text("rule_id"));
        var tags = second.GetProperty("rooms").GetProperty("join").GetProperty(room)
            .GetProperty("account_data").GetProperty("events")[0];
        Assert.Equal("m.tag", tags.Text("type"));

        // From the start again, the rules come once, as they now are.
        var anew = Assert.Single(PushRules(await alice.SyncAsync())).GetProperty("global");
        Assert.Equal(rules.GetRawText(), anew.GetRawText());
        Assert.Empty(PushRules(await alice.SyncAsync(second.Text("next_batch"))));
    }

    [Fact]
    public async Task rules_and_tags_may_be_as_deep_as_a_body()
    {
        await using var server = await TestHomeserver.StartAsync();
        var alice = await server.RegisterAsync("alice");
        var deep = string.Concat(Enumerable.Repeat("[", 97)) + string.Concat(Enumerable.Repeat("]", 97));
        (await alice.PutAsync(
            "pushrules/global/override/deep", "{\"actions\":[{\"set_tweak\":\"x\",\"value\":" + deep + "}]}")).Ok();
        (await alice.PutAsync($"user/{alice.UserId}/rooms/!r:hs/tags/t", "{\"x\":[" + deep + "]}")).Ok();
        Assert.Equal(200, (await alice.GetAsync("pushrules/")).Status);
        Assert.Equal(200, (await alice.GetAsync($"user/{alice.UserId}/rooms/!r:hs/tags")).Status);
        (await alice.PutAsync("pushrules/global/override/deep/enabled", """{"enabled":false}""")).Ok();
        (await alice.PutAsync($"user/{alice.UserId}/rooms/!r:hs/tags/u", "{}")).Ok();
        Assert.Equal(200, (await alice.GetAsync("sync")).Status);
    }

    private static IEnumerable<JsonElement> PushRules(JsonElement sync) =>
        sync.TryGetProperty("account_data", out var data)
            ? data.GetProperty("events").EnumerateArray()
                .Where(entry => entry.Text("type") == "m.push_rules")
                .Select(entry => entry.GetProperty("content"))
            : [];
}
