using System.Text;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Another server that signs well, and sends what no room takes.</summary>
public sealed class Hostile_servers : OneHostileServer
{
    [Fact]
    public async Task message_that_is_well_made_is_taken()
    {
        var pdu = await BuildAsync("m.room.message", null, Mallory.UserId, """{"body":"hello"}""");
        var results = await SendAsync(pdu.Json);

        Assert.Equal("{}", results.GetProperty(pdu.EventId.Value).ToString());
        await Alice.SeesAsync(Room, pdu.EventId.Value);
    }

    [Fact]
    public async Task state_without_power_is_rejected_and_changes_nothing()
    {
        var before = await Alice.StateAsync(Room);
        var pdu = await BuildAsync("m.room.topic", string.Empty, Mallory.UserId, """{"topic":"mine"}""");
        var results = await SendAsync(pdu.Json);

        Assert.NotEqual("{}", results.GetProperty(pdu.EventId.Value).ToString());
        Assert.Equal(before, await Alice.StateAsync(Room));
        Assert.Equal(404, (await EventAsync(pdu.EventId)).Status);
    }

    [Fact]
    public async Task message_after_a_ban_is_soft_failed_wherever_it_says_it_belongs()
    {
        // Built on the room as it was before the ban.
        var pdu = await BuildAsync("m.room.message", null, Mallory.UserId, """{"body":"I was never gone"}""");
        (await Alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(Room)}/ban",
            $$"""{"user_id":"{{Mallory.UserId}}"}""")).Ok();
        var results = await SendAsync(pdu.Json);

        Assert.Equal("{}", results.GetProperty(pdu.EventId.Value).ToString());
        Assert.Equal(404, (await EventAsync(pdu.EventId)).Status);
    }

    [Fact]
    public async Task event_in_somebody_elses_name_is_dropped()
    {
        var pdu = await BuildAsync("m.room.message", null, Alice.UserId, """{"body":"I am Alice"}""");
        var results = await SendAsync(pdu.Json);

        Assert.NotEqual("{}", results.GetProperty(pdu.EventId.Value).ToString());
        Assert.Equal(404, (await EventAsync(pdu.EventId)).Status);
    }

    /// <summary>An invite comes by itself, ahead of the room: it took whoever it named out of a room that they were
    /// in.</summary>
    [Fact]
    public async Task invite_of_somebody_in_the_room_changes_nothing()
    {
        var pdu = await BuildAsync("m.room.member", Alice.UserId, Mallory.UserId, """{"membership":"invite"}""");
        var answer = await AskAsync(
            "PUT",
            $"/_matrix/federation/v2/invite/{Uri.EscapeDataString(Room)}/{Uri.EscapeDataString(pdu.EventId.Value)}",
            $$"""{"room_version":"11","event":{{Encoding.UTF8.GetString(pdu.Json.Span)}},"invite_room_state":[]}""");

        answer.Refused(403, "M_FORBIDDEN");
        var rooms = (await Alice.SyncAsync()).GetProperty("rooms");
        Assert.True(rooms.GetProperty("join").TryGetProperty(Room, out _));
        Assert.False(rooms.TryGetProperty("invite", out var invited) && invited.TryGetProperty(Room, out _));
    }

    /// <summary>Such ids are for events alone; clients are not to meet them elsewhere.</summary>
    [Fact]
    public async Task presence_of_an_id_of_old_is_not_passed_on()
    {
        var old = $"@\u00fc:{Them.Name}";
        var join = await BuildAsync("m.room.member", old, old, """{"membership":"join"}""");
        var taken = await SendAsync(join.Json);
        await AskAsync("PUT", $"{V1}/send/{NextTransaction()}", $$"""
            {"pdus":[],"edus":[{"edu_type":"m.presence","content":{"push":[
            {"user_id":"{{old}}","presence":"online","last_active_ago":1},
            {"user_id":"{{Mallory.UserId}}","presence":"online","last_active_ago":1} ] } } ]}
            """);
        await Alice.SeesAsync(
            sync => sync.TryGetProperty("presence", out var presence)
                && presence.ToString().Contains(Mallory.UserId, StringComparison.Ordinal),
            "the presence does not come");
        var senders = (await Alice.SyncAsync()).GetProperty("presence").GetProperty("events").EnumerateArray()
            .Select(presence => presence.Text("sender")).ToList();

        Assert.Equal("{}", taken.GetProperty(join.EventId.Value).ToString());
        Assert.DoesNotContain(old, senders);
    }

    [Fact]
    public async Task changed_content_is_redacted()
    {
        var pdu = await BuildAsync("m.room.message", null, Mallory.UserId, """{"body":"as signed"}""");
        var changed = Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(pdu.Json.Span).Replace("as signed", "changed", StringComparison.Ordinal));
        var results = await SendAsync(changed);
        await Alice.SeesAsync(Room, pdu.EventId.Value);

        Assert.Equal("{}", results.GetProperty(pdu.EventId.Value).ToString());
        Assert.Equal("{}", (await EventAsync(pdu.EventId)).Ok().GetProperty("content").ToString());
    }

    [Fact]
    public async Task server_that_the_room_keeps_out_is_kept_out()
    {
        var pdu = await BuildAsync("m.room.message", null, Mallory.UserId, """{"body":"let me in"}""");
        await Alice.SetStateAsync(
            Room, "m.room.server_acl", string.Empty, """{"allow":["*"],"deny":["127.0.0.*"],"allow_ip_literals":true}""");
        var results = await SendAsync(pdu.Json);
        var state = await AskAsync("GET", $"{V1}/state/{Uri.EscapeDataString(Room)}?event_id=%24x");

        Assert.NotEqual("{}", results.GetProperty(pdu.EventId.Value).ToString());
        Assert.Equal(403, state.Status);
    }

    [Fact]
    public async Task what_no_table_can_hold_stops_no_projection()
    {
        string[] contents =
        [
            """{"body":"a\u0000b","msgtype":"m.text"}""",
            """{"body":"x","m.relates_to":{"rel_type":"m.annotation","event_id":"$x","key":"\u0000"} }""",
            """{"body":"x","m.relates_to":{"rel_type":"\u0000","event_id":"$\u0000"} }""",
        ];
        foreach (var content in contents)
        {
            var pdu = await BuildAsync("m.room.message", null, Mallory.UserId, content);
            Assert.Equal("{}", (await SendAsync(pdu.Json)).GetProperty(pdu.EventId.Value).ToString());
        }
        var member = await BuildAsync(
            "m.room.member", Mallory.UserId, Mallory.UserId, """{"membership":"join","displayname":"\u0000M"}""");
        await SendAsync(member.Json);
        await AskAsync("PUT", $"{V1}/send/{NextTransaction()}", $$"""
            {"pdus":[],"edus":[{"edu_type":"m.presence","content":{"push":[
            {"user_id":"{{Mallory.UserId}}","presence":"online","status_msg":"\u0000"} ] } } ]}
            """);
        var after = await Alice.SendTextAsync(Room, "still here");
        await Alice.SeesAsync(Room, after);
        (await Alice.PostAsync(
            "/_matrix/client/v3/search",
            """{"search_categories":{"room_events":{"search_term":"still"} } }""")).Ok();
        (await Alice.PostAsync("/_matrix/client/v3/user_directory/search", """{"search_term":"mallory"}""")).Ok();

        var health = await Ours.SendAsync("GET", "/health");
        Assert.Equal(200, health.Status);
    }

    [Theory]
    [InlineData("""{"edus":[]}""", 400)]
    [InlineData("""{"pdus":7}""", 400)]
    [InlineData("""{"pdus":[],"edus":{}}""", 400)]
    [InlineData("""{"pdus":[7,"x",{},{"room_id":5},{"room_id":"!unknown:here"}]}""", 200)]
    [InlineData("""{"pdus":[],"edus":[7,{},{"edu_type":"m.typing"},{"edu_type":"m.receipt","content":{"x":5}}]}""", 200)]
    [InlineData("""{"origin":"somebody.else","pdus":[]}""", 403)]
    public async Task malformed_transactions(string content, int status)
    {
        var answer = await AskAsync("PUT", $"{V1}/send/{NextTransaction()}", content);

        Assert.Equal(status, answer.Status);
    }

    [Fact]
    public async Task transaction_with_too_much_in_it_is_refused()
    {
        var pdus = string.Join(',', Enumerable.Repeat("{}", 51));
        var edus = string.Join(',', Enumerable.Repeat("{}", 101));

        Assert.Equal(400, (await AskAsync("PUT", $"{V1}/send/a", $$"""{"pdus":[{{pdus}}]}""")).Status);
        Assert.Equal(400, (await AskAsync("PUT", $"{V1}/send/b", $$"""{"pdus":[],"edus":[{{edus}}]}""")).Status);
    }

    [Fact]
    public async Task every_endpoint_for_servers_wants_a_signature()
    {
        using var client = new HttpClient(new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, _, _, _) => true,
        });
        foreach (var (spec, _) in Composition.FederationEndpoints().Entries)
        {
            if (spec.Auth != Api.Http.AuthKind.Server)
                continue;
            var path = spec.Path.Replace("{", string.Empty, StringComparison.Ordinal)
                .Replace("}", string.Empty, StringComparison.Ordinal);
            foreach (var header in new[] { null, "X-Matrix origin=x", $"X-Matrix origin=\"{Them.Name}\",key=\"{Them.Key.KeyId}\",sig=\"AAAA\"" })
            {
                using var request = new HttpRequestMessage(new HttpMethod(spec.Method), $"https://{Us}{path}");
                if (spec.Method != "GET")
                    request.Content = new StringContent("{}");
                if (header is not null)
                    request.Headers.TryAddWithoutValidation("Authorization", header);
                using var response = await client.SendAsync(request);
                Assert.Equal(401, (int)response.StatusCode);
            }
        }
    }
}
