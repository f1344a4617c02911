using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;
using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>A room of two servers whose policy server runs under the first one's name.</summary>
/// <remarks>Spec: v1.19 server-server-api #policy-servers.</remarks>
public sealed class Policy_servers_between_servers : IAsyncLifetime
{
    private static readonly ServerSigningKey Key = ServerSigningKey.FromSeed(PolicyServer.KeyId, new byte[32]);
    private static readonly RoomVersionRules Rules = RoomVersionRules.Find("12")!;

    private readonly Interception _ofFirst = new();
    private readonly Interception _ofSecond = new();
    private int _made;
    private TestHomeserver _first = null!;
    private TestHomeserver _second = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _first = await FederatingServers.StartAsync(_ofFirst);
        _second = await FederatingServers.StartAsync(_ofSecond);
        _alice = await _first.RegisterAsync("alice");
        _bob = await _second.RegisterAsync("bob");
        Says(Sign);
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    [Fact]
    public async Task join_through_a_resident_and_messages_of_both_are_signed()
    {
        var room = await GuardedRoomAsync();
        await JoinAsync(room);
        var ofBob = await _bob.SendTextAsync(room, "hello");
        await _alice.SeesAsync(room, ofBob);
        var ofAlice = await _alice.SendTextAsync(room, "hello yourself");
        await _bob.SeesAsync(room, ofAlice);
        var join = (await _bob.StateAsync(room))[$"m.room.member|{_bob.UserId}"];

        foreach (var eventId in new[] { ofBob, ofAlice, join })
        {
            Assert.True(HasSigned(await PduAsync(_first, eventId)));
            Assert.True(HasSigned(await PduAsync(_second, eventId)));
        }
        Assert.All(Asked(_ofSecond), request => Assert.Equal(Name(_first), request.Destination));
    }

    [Theory]
    [InlineData(400, """{"errcode":"M_FORBIDDEN","error":"It looks like spam."}""", 400, "M_FORBIDDEN", "It looks like spam.")]
    [InlineData(403, """{"errcode":"M_FORBIDDEN","error":"Not from here."}""", 403, "M_FORBIDDEN", "Not from here.")]
    [InlineData(404, """{"errcode":"M_NOT_FOUND","error":"Unknown room"}""", 404, "M_NOT_FOUND", "Unknown room")]
    [InlineData(429, """{"errcode":"M_LIMIT_EXCEEDED","error":"Slowly."}""", 429, "M_LIMIT_EXCEEDED", "Slowly.")]
    [InlineData(401, """{"errcode":"M_UNKNOWN_TOKEN","error":"Log out."}""", 403, "M_FORBIDDEN", "Log out.")]
    [InlineData(404, """{"errcode":"M_UNRECOGNIZED","error":"What?"}""", 403, "M_FORBIDDEN", "What?")]
    [InlineData(400, "no", 403, "M_FORBIDDEN", null)]
    [InlineData(500, "{}", 502, "M_UNKNOWN", null)]
    [InlineData(200, "{}", 502, "M_UNKNOWN", null)]
    [InlineData(200, "[]", 502, "M_UNKNOWN", null)]
    public async Task client_hears_what_the_policy_server_says(
        int status, string body, int told, string errCode, string? message)
    {
        var room = await GuardedRoomAsync();
        Says(_ => new FederationAnswer.Answered(status, Encoding.UTF8.GetBytes(body)));
        var reply = await _alice.PutAsync($"rooms/{Uri.EscapeDataString(room)}/send/m.room.message/1", """{"msgtype":"m.text","body":"x"}""");

        reply.Refused(told, errCode);
        if (message is not null)
            Assert.Equal(message, reply.Json.Text("error"));
    }

    [Fact]
    public async Task policy_server_under_our_own_name_is_asked_over_the_network()
    {
        var room = await GuardedRoomAsync();
        _ofFirst.Answer = (_, _) => Task.FromResult<FederationAnswer?>(null);

        // Nothing but this server answers there, and it is no policy server.
        (await _alice.PutAsync($"rooms/{Uri.EscapeDataString(room)}/send/m.room.message/1", """{"msgtype":"m.text","body":"x"}"""))
            .Refused(403, ErrCodes.Forbidden);
    }

    [Fact]
    public async Task restricted_join_that_another_server_must_grant_is_signed()
    {
        var lobby = await _bob.CreateRoomAsync();
        (await _alice.PostAsync($"join/{Uri.EscapeDataString(lobby)}?via={Name(_second)}")).Ok();
        var room = await GuardedRoomAsync();
        await JoinAsync(room);
        await _alice.SetStateAsync(room, "m.room.power_levels", "", """{"invite":50}""");
        var closed = await _alice.SetStateAsync(room, "m.room.join_rules", "", $$"""
            {"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{{lobby}}"}]}
            """);
        await _bob.SeesAsync(room, closed);
        var dave = await _second.RegisterAsync("dave");
        await dave.JoinAsync(lobby);
        await _alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", lobby, "timeline").Any(entry => entry.TryGetProperty("state_key", out var key)
                && key.GetString() == dave.UserId),
            "dave is not in the lobby");
        (await dave.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Name(_first)}")).Ok();
        var join = (await _bob.StateAsync(room))[$"m.room.member|{dave.UserId}"];

        Assert.True(HasSigned(await PduAsync(_first, join)));
        Assert.True(HasSigned(await PduAsync(_second, join)));
    }

    [Fact]
    public async Task message_without_its_signature_is_asked_about_and_taken_in_with_it()
    {
        var room = await GuardedRoomAsync();
        await JoinAsync(room);
        var chain = await ChainAsync(room, 3);
        var asked = Asked(_ofFirst).Count;
        var outcomes = await SendToFirstAsync(chain);

        Assert.Equal(chain.Select(pdu => (pdu.EventId, (string?)null)), outcomes);
        await _alice.SeesAsync(room, chain[^1].EventId.Value);
        foreach (var pdu in chain)
            Assert.True(HasSigned(await PduAsync(_first, pdu.EventId.Value)));
        Assert.Equal(asked + 3, Asked(_ofFirst).Count);
    }

    [Fact]
    public async Task message_that_it_does_not_recommend_or_does_not_hear_of_is_soft_failed()
    {
        var room = await GuardedRoomAsync();
        await JoinAsync(room);
        var chain = await ChainAsync(room, 20);
        Says(_ => new FederationAnswer.TimedOut(TimeSpan.FromSeconds(10)));
        var asked = Asked(_ofFirst).Count;
        await SendToFirstAsync(chain);

        // Who does not answer is not asked about all of them.
        Assert.Equal(asked + 8, Asked(_ofFirst).Count);
        Assert.All(chain, pdu => Assert.Equal(404, EventAsync(room, pdu).Result.Status));
        var missed = await ChainAsync(room, 2);
        await SendToFirstAsync(missed, "two");
        Assert.Equal(asked + 8, Asked(_ofFirst).Count);
        Says(Sign);
        var after = await _alice.SendTextAsync(room, "undisturbed");
        Assert.DoesNotContain(chain[^1].EventId, (await PduAsync(_first, after)).PrevEvents);

        // It has answered us since: others' PDUs are asked about again.
        await _bob.SeesAsync(room, after);
        var later = await ChainAsync(room, 1, after);
        await SendToFirstAsync(later, "three");
        await _alice.SeesAsync(room, later[0].EventId.Value);
    }

    [Fact]
    public async Task invite_to_another_server_is_signed_before_that_server_sees_it()
    {
        var room = await GuardedRoomAsync();
        (await _alice.PostAsync(
            $"rooms/{Uri.EscapeDataString(room)}/invite", $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        await _bob.IsInvitedAsync(room);
        var invite = (await _alice.StateAsync(room))[$"m.room.member|{_bob.UserId}"];
        var sent = _ofFirst.Requests.Single(request => request.Uri.Contains("/invite/", StringComparison.Ordinal));

        Assert.True(HasSigned(await PduAsync(_first, invite)));
        Assert.Contains(PolicyServer.KeyId.Value, Encoding.UTF8.GetString(sent.Content.Span), StringComparison.Ordinal);

        Says(_ => new FederationAnswer.Answered(400, """{"errcode":"M_FORBIDDEN","error":"No."}"""u8.ToArray()));
        (await _alice.PostAsync(
            $"rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"@carol:{{Name(_second)}}"}""")).Refused(400, ErrCodes.Forbidden);
        Assert.Single(_ofFirst.Requests, request => request.Uri.Contains("/invite/", StringComparison.Ordinal));
    }

    private async Task<string> GuardedRoomAsync()
    {
        var room = await _alice.CreateRoomAsync("""{"preset":"public_chat","room_version":"12"}""");
        await _alice.SetStateAsync(room, "m.room.policy", "", $$$"""
            {"via":"{{{Name(_first)}}}","public_keys":{"ed25519":"{{{Key.PublicKeyBase64}}}"} }
            """);
        return room;
    }

    private async Task JoinAsync(string room) =>
        (await _bob.PostAsync($"join/{Uri.EscapeDataString(room)}?via={Name(_first)}")).Ok();

    /// <summary>Messages of Bob, each on the one before, without the policy server's signature.</summary>
    private async Task<List<Pdu>> ChainAsync(string room, int count, string? after = null)
    {
        var state = await _bob.StateAsync(room);
        var prev = after ?? state[$"m.room.member|{_bob.UserId}"];
        var pdus = new List<Pdu>();
        for (var i = 0; i < count; i++)
        {
            var draft = new PduDraft(
                RoomId.Parse(room),
                "m.room.message",
                null,
                UserId.Parse(_bob.UserId),
                JsonElement.Parse(Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{_made++}}"}""")),
                1,
                100 + i,
                [EventId.Parse(prev)],
                [EventId.Parse(state["m.room.power_levels|"]), EventId.Parse(state[$"m.room.member|{_bob.UserId}"])]);
            pdus.Add(((PduBuildResult.Built)PduBuilder.Build(draft, Rules, Identity(_second))).Pdu);
            prev = pdus[^1].EventId.Value;
        }
        return pdus;
    }

    private async Task<IEnumerable<(EventId, string?)>> SendToFirstAsync(List<Pdu> pdus, string transactionId = "one")
    {
        var all = string.Join(',', pdus.Select(pdu => Encoding.UTF8.GetString(pdu.Json.Span)));
        var answer = await _first.Services.GetRequiredService<InboundTransactions>().ReceiveAsync(
            new CommandContext(new FactActor(Server: Name(_second).Value), 1, "test"),
            Name(_second),
            transactionId,
            JsonElement.Parse(Encoding.UTF8.GetBytes($$"""{"pdus":[{{all}}]}""")));
        return answer.Pdus.Select(entry => (entry.Key, entry.Value));
    }

    private Task<Reply> EventAsync(string room, Pdu pdu) => _alice.GetAsync(
        $"rooms/{Uri.EscapeDataString(room)}/event/{Uri.EscapeDataString(pdu.EventId.Value)}");

    private static async Task<Pdu> PduAsync(TestHomeserver server, string eventId)
    {
        var stored = await server.Services.GetRequiredService<Commands.Roomserver.IPduStore>()
            .FindAsync([EventId.Parse(eventId)]);
        return PduParser.ParseStored(Assert.Single(stored).Json, Rules, EventId.Parse(eventId));
    }

    private bool HasSigned(Pdu pdu) => new PolicyServer(
        Name(_first), Convert.FromBase64String(Key.PublicKeyBase64.PadRight(44, '='))).HasSigned(pdu);

    private void Says(Func<Pdu, FederationAnswer> answer)
    {
        foreach (var interception in new[] { _ofFirst, _ofSecond })
        {
            interception.Answer = (request, _) => Task.FromResult(request.Uri == "/_matrix/policy/v1/sign"
                ? answer(((PduParseResult.Parsed)PduParser.Parse(request.Content, Rules)).Pdu)
                : null);
        }
    }

    private FederationAnswer Sign(Pdu pdu) => new FederationAnswer.Answered(200, Encoding.UTF8.GetBytes($$$"""
        {"{{{Name(_first)}}}":{"{{{PolicyServer.KeyId}}}":"{{{Key.Sign(PduSignatures.SignedPart(pdu))}}}"} }
        """));

    private static List<FederationRequest> Asked(Interception interception) =>
        [.. interception.Requests.Where(request => request.Uri == "/_matrix/policy/v1/sign")];

    private static ServerName Name(TestHomeserver server) => Identity(server).Name;

    private static ServerIdentity Identity(TestHomeserver server) =>
        server.Services.GetRequiredService<ServerIdentity>();
}
