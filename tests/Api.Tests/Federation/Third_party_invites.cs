using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Invites to addresses, with an identity server that knows whose they are, or hears of it later.</summary>
/// <remarks>Spec: v1.19 client-server-api #third-party-invites; server-server-api #third-party-invites.</remarks>
public sealed class Third_party_invites : TwoServers
{
    private const string Address = "bob@example.org";

    private SmallIdentityServer _identity = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _identity = await SmallIdentityServer.StartAsync();
    }

    public override async Task DisposeAsync()
    {
        await _identity.DisposeAsync();
        await base.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task address_that_is_bound_is_an_invite_like_any_other(bool changesPepper)
    {
        _identity.AddressToUser[Address] = Bob.UserId;
        _identity.ChangesPepper = changesPepper;
        var room = await Alice.CreateRoomAsync();
        (await InviteAsync(Alice, room, "Bob@Example.org")).Ok();

        await Bob.IsInvitedAsync(room);
        Assert.Empty(_identity.Invites);
    }

    [Fact]
    public async Task address_that_is_bound_later_is_exchanged_for_an_invite()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat","name":"Party","topic":"x"}""");
        (await InviteAsync(Alice, room)).Ok();
        var offer = (await StateOfAsync(Alice, room, "m.room.third_party_invite", "token0")).Ok();
        var kept = Assert.Single(_identity.Invites);
        Assert.Equal("b...@e...", offer.Text("display_name"));
        Assert.Equal(offer.Text("public_key"), offer.GetProperty("public_keys")[0].Text("public_key"));
        Assert.Equal((Address, room, Alice.UserId, "Party", "invite"), (
            kept.Text("address"), kept.Text("room_id"), kept.Text("sender"), kept.Text("room_name"), kept.Text("room_join_rules")));

        (await BindAsync(Second, Bob.UserId)).Ok();
        await Bob.IsInvitedAsync(room);
        var member = (await StateOfAsync(Alice, room, "m.room.member", Bob.UserId)).Ok();
        Assert.Equal("token0", member.GetProperty("third_party_invite").GetProperty("signed").Text("token"));
        Assert.Equal("b...@e...", member.GetProperty("third_party_invite").Text("display_name"));

        (await Bob.PostAsync($"join/{Escaped(room)}")).Ok();
        var sent = await Bob.SendTextAsync(room, "I have come");
        await Alice.SeesAsync(room, sent);
    }

    [Fact]
    public async Task who_has_joined_is_not_invited_back_out_by_the_same_word_said_again()
    {
        var carol = await First.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync();
        (await InviteAsync(Alice, room)).Ok();
        foreach (var (server, user) in new[] { (First, carol), (Second, Bob) })
        {
            (await BindAsync(server, user.UserId)).Ok();
            await user.IsInvitedAsync(room);
            await user.JoinAsync(room);
            (await BindAsync(server, user.UserId)).Ok();

            Assert.Equal("join", (await StateOfAsync(Alice, room, "m.room.member", user.UserId)).Ok().Text("membership"));
        }
    }

    [Fact]
    public async Task user_of_the_inviting_server_needs_no_exchange()
    {
        var carol = await First.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync();
        (await InviteAsync(Alice, room)).Ok();
        (await BindAsync(First, carol.UserId)).Ok();

        await carol.IsInvitedAsync(room);
    }

    [Theory]
    [InlineData("2")]
    [InlineData("11")]
    [InlineData("12")]
    public async Task server_that_is_in_the_room_invites_in_the_senders_name(string version)
    {
        var dave = await Second.RegisterAsync("dave");
        var room = await Alice.CreateRoomAsync($$"""{"preset":"public_chat","room_version":"{{version}}"}""");
        (await Bob.PostAsync($"join/{Escaped(room)}?via={ServerOf(Alice)}")).Ok();
        (await InviteAsync(Alice, room)).Ok();
        await Bob.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry => entry.Text("type") == "m.room.third_party_invite"),
            "the offer does not arrive");
        (await BindAsync(Second, dave.UserId)).Ok();
        await dave.IsInvitedAsync(room);
        await Alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry => entry.TryGetProperty("state_key", out var key)
                && key.GetString() == dave.UserId && entry.Text("sender") == Alice.UserId),
            "the invite does not come back");
    }

    [Fact]
    public async Task who_shows_what_the_identity_server_signed_comes_in()
    {
        var carol = await First.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        (await InviteAsync(Alice, room)).Ok();
        (await InviteAsync(Alice, room)).Ok();

        (await ShowAsync(carol, room, _identity.Sign(carol.UserId, "token0", Alice.UserId))).Ok();
        (await ShowAsync(carol, room, _identity.Sign(carol.UserId, "token0", Alice.UserId))).Ok();
        (await ShowAsync(Bob, room, _identity.Sign(Bob.UserId, "token1", Alice.UserId))).Ok();
        foreach (var user in new[] { carol, Bob })
            Assert.Equal("join", (await StateOfAsync(Alice, room, "m.room.member", user.UserId)).Ok().Text("membership"));
    }

    [Fact]
    public async Task who_shows_what_nobody_signed_for_them_stays_outside()
    {
        var carol = await First.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        (await InviteAsync(Alice, room)).Ok();
        await using var other = await SmallIdentityServer.StartAsync();
        byte[][] forged =
        [
            _identity.Sign(Bob.UserId, "token0", Alice.UserId), _identity.Sign(carol.UserId, "token1", Alice.UserId),
            _identity.Sign(carol.UserId, "token0", carol.UserId), other.Sign(carol.UserId, "token0", Alice.UserId),
        ];
        foreach (var signed in forged)
            (await ShowAsync(carol, room, signed)).Refused(403, ErrCodes.Forbidden);
        string[] malformed = ["7", "{}", """{"sender":7,"mxid":"a","token":"t","signatures":{}}""", """{"sender":"@a:b","mxid":"a","token":"t","signatures":7}"""];
        foreach (var body in malformed)
            Assert.Equal(400, (await carol.PostAsync($"join/{Escaped(room)}", $$"""{"third_party_signed":{{body}} }""")).Status);
    }

    [Fact]
    public async Task key_that_does_not_count_any_more_redeems_nothing()
    {
        var carol = await First.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync();
        (await InviteAsync(Alice, room)).Ok();
        _identity.IsKeyValid = false;
        (await BindAsync(First, carol.UserId)).Ok();
        (await BindAsync(Second, Bob.UserId)).Ok();

        Assert.Equal(404, (await StateOfAsync(Alice, room, "m.room.member", carol.UserId)).Status);
        Assert.Equal(404, (await StateOfAsync(Alice, room, "m.room.member", Bob.UserId)).Status);
    }

    [Fact]
    public async Task who_is_not_signed_for_is_not_invited()
    {
        var carol = await First.RegisterAsync("carol");
        var room = await Alice.CreateRoomAsync();
        (await InviteAsync(Alice, room)).Ok();
        var kept = _identity.Invites[0];
        await using var other = await SmallIdentityServer.StartAsync();
        byte[][] forged =
        [
            _identity.Sign(Bob.UserId, "token0"), _identity.Sign(carol.UserId, "token1"), other.Sign(carol.UserId, "token0"),
            Encoding.UTF8.GetBytes($$"""{"mxid":"{{carol.UserId}}","token":"token0"}"""), "{}"u8.ToArray(), "7"u8.ToArray(),
        ];
        foreach (var signed in forged)
            (await OnBindAsync(First, SmallIdentityServer.Binding(Address, carol.UserId, [(kept, signed)]))).Ok();

        Assert.Equal(404, (await StateOfAsync(Alice, room, "m.room.member", carol.UserId)).Status);
    }

    [Fact]
    public async Task who_may_not_invite_does_not_reach_the_identity_server()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"public_chat","power_level_content_override":{"invite":50}}""");
        var carol = await First.RegisterAsync("carol");
        (await InviteAsync(carol, room)).Refused(403, ErrCodes.Forbidden);
        await carol.JoinAsync(room);
        (await InviteAsync(carol, room)).Refused(403, ErrCodes.Forbidden);

        Assert.Empty(_identity.Requests);
    }

    [Theory]
    [InlineData(401, """{"errcode":"M_UNKNOWN_TOKEN","error":"No."}""", 403, "M_FORBIDDEN")]
    [InlineData(403, """{"errcode":"M_TERMS_NOT_SIGNED","error":"Read them."}""", 403, "M_TERMS_NOT_SIGNED")]
    [InlineData(500, "{}", 502, "M_UNKNOWN")]
    [InlineData(200, "{}", 502, "M_UNKNOWN")]
    [InlineData(200, "[]", 502, "M_UNKNOWN")]
    [InlineData(200, "no", 502, "M_UNKNOWN")]
    [InlineData(200, """{"algorithms":["rot13"],"lookup_pepper":"x"}""", 502, "M_UNKNOWN")]
    [InlineData(200, """{"algorithms":["none"],"lookup_pepper":"x","mappings":{"bob@example.org email":"bob"} }""", 502, "M_UNKNOWN")]
    [InlineData(200, """{"algorithms":["none"],"lookup_pepper":"x","mappings":{},"token":"!","display_name":"b"}""", 502, "M_UNKNOWN")]
    [InlineData(200, """{"algorithms":["none"],"lookup_pepper":"x","mappings":{},"token":"t","display_name":"b","public_keys":[7]}""", 502, "M_UNKNOWN")]
    [InlineData(200, """{"algorithms":["none"],"lookup_pepper":"x","mappings":{},"token":"t","display_name":"b","public_keys":[{"public_key":"k"}]}""", 502, "M_UNKNOWN")]
    public async Task answers_that_are_of_no_use(int status, string body, int told, string errCode)
    {
        var room = await Alice.CreateRoomAsync();
        _identity.Answer = (status, body);

        (await InviteAsync(Alice, room)).Refused(told, errCode);
    }

    [Fact]
    public async Task bound_between_look_up_and_invite()
    {
        _identity.BoundMeanwhile = Bob.UserId;
        var room = await Alice.CreateRoomAsync();
        (await InviteAsync(Alice, room)).Ok();

        await Bob.IsInvitedAsync(room);
    }

    [Fact]
    public async Task identity_server_at_an_address_that_is_denied_is_not_contacted()
    {
        await using var careful = await FederatingServers.StartAsync(federation => federation);
        var erin = await careful.RegisterAsync("erin");
        var room = await erin.CreateRoomAsync();

        (await InviteAsync(erin, room)).Refused(502, ErrCodes.Unknown);
        Assert.Empty(_identity.Requests);
    }

    [Fact]
    public async Task room_is_created_with_such_invites()
    {
        var room = await Alice.CreateRoomAsync($$$"""
            {"invite_3pid":[{"medium":"email","address":"{{{Address}}}","id_server":"{{{_identity.Name}}}",
            "id_access_token":"{{{SmallIdentityServer.Token}}}"}]}
            """);

        (await StateOfAsync(Alice, room, "m.room.third_party_invite", "token0")).Ok();
    }

    [Theory]
    [InlineData("{}", 400, "M_MISSING_PARAM")]
    [InlineData("""{"medium":"email","address":"a"}""", 400, "M_MISSING_PARAM")]
    [InlineData("""{"medium":7,"address":"a","id_server":"a","id_access_token":"t"}""", 400, "M_BAD_JSON")]
    [InlineData("""{"medium":"email","address":"a","id_server":"a/b?c","id_access_token":"t"}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"medium":"email","address":"","id_server":"a","id_access_token":"t"}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"medium":"email","address":"a","id_server":"127.0.0.1:99999","id_access_token":"t"}""", 502, "M_UNKNOWN")]
    [InlineData("""{"medium":"email","address":"a","id_server":"127.0.0.1:1","id_access_token":"t\r\nx: y"}""", 502, "M_UNKNOWN")]
    public async Task malformed_invites(string body, int status, string errCode)
    {
        var room = await Alice.CreateRoomAsync();

        (await Alice.PostAsync($"rooms/{Escaped(room)}/invite", body)).Refused(status, errCode);
    }

    [Theory]
    [InlineData("{}", 400, "M_BAD_JSON")]
    [InlineData("""{"mxid":7,"invites":[]}""", 400, "M_BAD_JSON")]
    [InlineData("""{"mxid":"@nobody:nowhere","invites":[]}""", 400, "M_INVALID_PARAM")]
    [InlineData("""{"mxid":"BOB","invites":[7,{},{"room_id":"!a:b"}]}""", 200, null)]
    public async Task malformed_bindings(string body, int status, string? errCode)
    {
        var reply = await OnBindAsync(Second, body.Replace("BOB", Bob.UserId, StringComparison.Ordinal));

        Assert.Equal((status, errCode), (reply.Status, reply.ErrCode));
    }

    [Theory]
    [InlineData("{}", 400)]
    [InlineData("""{"content":{"third_party_invite":{"signed":7} } }""", 400)]
    [InlineData("""{"content":{"membership":"invite","third_party_invite":{"signed":{"token":"t"} } } }""", 400)]
    [InlineData("""{"type":"m.room.member","room_id":"ROOM","sender":"ALICE","state_key":"BOB","content":{"membership":"join","third_party_invite":{"signed":{"token":"t","mxid":"BOB"} } } }""", 400)]
    [InlineData("""{"type":"m.room.member","room_id":"!x:y","sender":"ALICE","state_key":"BOB","content":{"membership":"invite","third_party_invite":{"signed":{"token":"t","mxid":"BOB"} } } }""", 400)]
    [InlineData("""{"type":"m.room.member","room_id":"ROOM","sender":"BOB","state_key":"BOB","content":{"membership":"invite","third_party_invite":{"signed":{"token":"t","mxid":"BOB"} } } }""", 403)]
    [InlineData("""{"type":"m.room.member","room_id":"ROOM","sender":"ALICE","state_key":"ALICE","content":{"membership":"invite","third_party_invite":{"signed":{"token":"t","mxid":"ALICE"} } } }""", 403)]
    [InlineData("""{"type":"m.room.member","room_id":"ROOM","sender":"ALICE","state_key":"BOB","content":{"membership":"invite","third_party_invite":{"signed":{"token":"t","mxid":"BOB"} } } }""", 403)]
    public async Task malformed_exchanges(string body, int status)
    {
        var room = await Alice.CreateRoomAsync();
        var them = Second.Services.GetRequiredService<FederationClient>();
        var content = body.Replace("ROOM", room, StringComparison.Ordinal)
            .Replace("ALICE", Alice.UserId, StringComparison.Ordinal).Replace("BOB", Bob.UserId, StringComparison.Ordinal);
        var answer = await them.ExchangeThirdPartyInviteAsync(
            First.Services.GetRequiredService<ServerIdentity>().Name,
            RoomId.Parse(room),
            Protocol.Json.CanonicalJson.Canonicalise(JsonElement.Parse(Encoding.UTF8.GetBytes(content))),
            CancellationToken.None);

        Assert.Equal(status, ((FederationResult<Done>.Refused)answer).Error.Status);
    }

    private Task<Reply> InviteAsync(TestUser inviter, string room, string address = Address) =>
        inviter.PostAsync($"rooms/{Escaped(room)}/invite", $$"""
            {"medium":"email","address":"{{address}}","id_server":"{{_identity.Name}}",
            "id_access_token":"{{SmallIdentityServer.Token}}"}
            """);

    private Task<Reply> ShowAsync(TestUser user, string room, byte[] signed) => user.PostAsync(
        $"join/{Escaped(room)}?via={ServerOf(Alice)}", $$"""{"third_party_signed":{{Encoding.UTF8.GetString(signed)}} }""");

    private Task<Reply> BindAsync(TestHomeserver server, string userId) =>
        OnBindAsync(server, _identity.Binding(Address, userId));

    /// <summary>As the identity server sends it: without a signature of the request.</summary>
    private static async Task<Reply> OnBindAsync(TestHomeserver server, string body)
    {
        using var client = new HttpClient(new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, _, _, _) => true,
        });
        using var content = new StringContent(body);
        using var response = await client.PutAsync(
            $"https://{server.Services.GetRequiredService<ServerIdentity>().Name}/_matrix/federation/v1/3pid/onbind", content);
        return new Reply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync());
    }

    private static Task<Reply> StateOfAsync(TestUser user, string room, string type, string stateKey) =>
        user.GetAsync($"rooms/{Escaped(room)}/state/{type}/{Escaped(stateKey)}");
}
