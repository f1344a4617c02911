using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Joins, leaves, knocks and invites that are not what they say: the spec recommends M_INVALID_PARAM for all
/// of it.</summary>
public sealed class Malformed_memberships_of_servers : OneHostileServer
{
    private const string Someone = "@someone:example.org";

    [Theory]
    [InlineData("join", "v2/send_join")]
    [InlineData("join", "v1/send_join")]
    [InlineData("knock", "v1/send_knock")]
    [InlineData("leave", "v2/send_leave")]
    [InlineData("leave", "v1/send_leave")]
    public async Task not_as_the_path_says_or_of_somebody_else_or_signed_by_nobody(string kind, string endpoint)
    {
        var room = kind == "leave" ? Room : await Alice.CreateRoomAsync(
            $$"""
            {"preset":"public_chat","room_version":"11","initial_state":[{"type":"m.room.join_rules","state_key":"",
                "content":{"join_rule":"{{(kind == "join" ? "public" : "knock")}}"} }]}
            """);
        var template = await MakeAsync(kind, room, Mallory.UserId);
        var good = Complete(template);
        var forged = Forge(good);

        (await SendAsync(endpoint, Complete(template, Someone))).Refused(400, "M_INVALID_PARAM");
        (await SendAsync(endpoint, Complete(template, content: """{"membership":"ban"}"""))).Refused(400, "M_INVALID_PARAM");
        (await SendAsync(endpoint, good, forged)).Refused(400, "M_INVALID_PARAM");
        Assert.Equal(200, (await SendAsync(endpoint, good)).Status);
    }

    [Fact]
    public async Task invite_of_another_server_or_signed_by_nobody()
    {
        var good = await BuildAsync("m.room.member", Alice.UserId, Mallory.UserId, """{"membership":"invite"}""");
        var foreign = await BuildAsync("m.room.member", Alice.UserId, Someone, """{"membership":"invite"}""");
        var forged = Forge(good);

        (await InviteAsync(good, "11", "[]", forged)).Refused(400, "M_INVALID_PARAM");
        (await InviteAsync(foreign, "11", "[]")).Refused(400, "M_INVALID_PARAM");
    }

    /// <summary>In version 12 the state shows which room it is at all: unsigned, it could be any.</summary>
    [Fact]
    public async Task invite_whose_state_nobody_signed()
    {
        var rules = RoomVersionRules.Find("12")!;
        var create = Build(rules, null, "m.room.create", string.Empty, """{"room_version":"12"}""", []);
        var room = RoomId.OfCreate(create.EventId);
        var name = Build(rules, room, "m.room.name", string.Empty, """{"name":"Trap"}""", [create.EventId]);
        var invite = Build(
            rules, room, "m.room.member", Alice.UserId, """{"membership":"invite"}""", [create.EventId]);
        var forged = Forge(name);

        (await InviteAsync(invite, "12", $"[{Text(create)},{forged}]")).Refused(400, "M_INVALID_PARAM");
        (await InviteAsync(invite, "12", $"[{Text(name)}]")).Refused(400, "M_INVALID_PARAM");
        (await InviteAsync(invite, "12", $"[{Text(create)},{Text(name)}]")).Ok();
    }

    private static string Text(Pdu pdu) => Encoding.UTF8.GetString(pdu.Json.Span);

    /// <summary>The same event, with another signature than its server's.</summary>
    private string Forge(Pdu pdu)
    {
        var signature = JsonElement.Parse(pdu.Json.Span).GetProperty("signatures").GetProperty(Them.Name.Value)
            .EnumerateObject().Single().Value.GetString()!;
        return Text(pdu).Replace(
            signature, (signature[0] == 'A' ? "B" : "A") + signature[1..], StringComparison.Ordinal);
    }

    private Pdu Build(
        RoomVersionRules rules, RoomId? room, string type, string stateKey, string content, EventId[] prevEvents) =>
        ((PduBuildResult.Built)PduBuilder.Build(
            new PduDraft(
                room,
                type,
                stateKey,
                UserId.Parse(Mallory.UserId),
                JsonElement.Parse(Encoding.UTF8.GetBytes(content)),
                DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
                prevEvents.Length + 1,
                prevEvents,
                []),
            rules,
            Them)).Pdu;

    private Task<Reply> InviteAsync(Pdu invite, string version, string state, string? json = null) => AskAsync(
        "PUT",
        $"/_matrix/federation/v2/invite/{Uri.EscapeDataString(invite.RoomId.Value)}/{Uri.EscapeDataString(invite.EventId.Value)}",
        $$"""
        {"room_version":"{{version}}","event":{{json ?? Encoding.UTF8.GetString(invite.Json.Span)}},"invite_room_state":{{state}} }
        """);
}
