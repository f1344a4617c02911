using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>What a user wants of invites holds for those of other servers too.</summary>
public sealed class Wishes_of_the_invited : TwoServers
{
    [Fact]
    public async Task invites_are_blocked_for_other_servers()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        var path = $"user/{Uri.EscapeDataString(Bob.UserId)}/account_data/m.invite_permission_config";
        (await Bob.PutAsync(path, """{"default_action":"block"}""")).Ok();
        (await InviteAsync(room)).Refused(403, "M_INVITE_BLOCKED");
        (await Bob.PutAsync(path, "{}")).Ok();
        (await InviteAsync(room)).Ok();
        await Bob.IsInvitedAsync(room);
    }

    [Fact]
    public async Task invites_to_rooms_that_the_other_server_does_not_support_say_so()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        FromFirst.Answer = (request, _) => Task.FromResult<FederationAnswer?>(
            request.Uri.Contains("/invite/", StringComparison.Ordinal)
                ? new FederationAnswer.Answered(
                    400, """{"errcode":"M_INCOMPATIBLE_ROOM_VERSION","error":"No.","room_version":"12"}"""u8.ToArray())
                : null);
        (await InviteAsync(room)).Refused(400, "M_UNSUPPORTED_ROOM_VERSION");
    }

    [Fact]
    public async Task invites_and_messages_of_other_servers_notify()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        (await InviteAsync(room)).Ok();
        await Bob.IsInvitedAsync(room);
        var notified = Assert.Single((await Bob.GetAsync("notifications")).Ok().GetProperty("notifications").EnumerateArray());
        Assert.Equal("m.room.member", notified.GetProperty("event").Text("type"));
        await Bob.JoinAsync(room);
        var sent = await Alice.SendTextAsync(room, "hello");
        await Bob.SeesAsync(room, sent);
        var joined = (await Bob.SyncAsync()).GetProperty("rooms").GetProperty("join").GetProperty(room);
        Assert.Equal(1, joined.GetProperty("unread_notifications").GetProperty("notification_count").GetInt32());
        // Two members: the room counts as a talk between two, with a sound.
        notified = (await Bob.GetAsync("notifications")).Ok().GetProperty("notifications")[0];
        Assert.Equal("""["notify",{"set_tweak":"sound","value":"default"}]""", notified.GetProperty("actions").GetRawText());
    }

    private Task<Reply> InviteAsync(string room) => Alice.PostAsync(
        $"rooms/{Uri.EscapeDataString(room)}/invite", $$"""{"user_id":"{{Bob.UserId}}"}""");
}
