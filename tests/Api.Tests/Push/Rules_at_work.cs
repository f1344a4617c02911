using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Push;

/// <summary>The predefined rules and users' own, seen from outside.</summary>
public sealed class Rules_at_work
{
    [Fact]
    public async Task mentions_highlight_for_whom_they_name()
    {
        await using var world = await PushWorld.StartAsync();
        await world.MentionAsync(world.Ada, world.Bob.UserId, "@nobody:elsewhere", world.Ada.UserId, "no user");
        Assert.Equal("1,1", await world.CountsAsync(world.Bob));
        Assert.Equal("1,0", await world.CountsAsync(world.Cyd));
        Assert.Equal("0,0", await world.CountsAsync(world.Ada));
        // Naming the one whose rules stand for everybody's is naming nobody.
        await world.MentionAsync(world.Ada, "@!:hs");
        Assert.Equal("2,1", await world.CountsAsync(world.Bob));
        Assert.Equal("2,0", await world.CountsAsync(world.Cyd));
    }

    [Fact]
    public async Task the_room_is_mentioned_by_who_may()
    {
        await using var world = await PushWorld.StartAsync();
        const string all = """{"msgtype":"m.text","body":"all","m.mentions":{"room":true} }""";
        await world.Bob.SendAsync(world.Room, "m.room.message", all);
        Assert.Equal("1,0", await world.CountsAsync(world.Cyd));
        await world.Ada.SendAsync(world.Room, "m.room.message", all);
        Assert.Equal("2,1", await world.CountsAsync(world.Cyd));
        await world.Ada.SetStateAsync(
            world.Room, "m.room.power_levels", "", """{"notifications":{"room":0} }""");
        await world.Bob.SendAsync(world.Room, "m.room.message", all);
        Assert.Equal("3,2", await world.CountsAsync(world.Cyd));
    }

    [Fact]
    public async Task reactions_edits_notices_and_members_are_quiet_and_the_end_of_a_room_is_not()
    {
        await using var world = await PushWorld.StartAsync();
        var sent = await world.Ada.SendTextAsync(world.Room, "one");
        await world.Ada.SendAsync(world.Room, "m.reaction", $$$"""
            {"m.relates_to":{"rel_type":"m.annotation","event_id":"{{{sent}}}","key":"+"} }
            """);
        await world.Ada.SendAsync(world.Room, "m.room.message", $$$"""
            {"msgtype":"m.text","body":"* two","m.new_content":{"msgtype":"m.text","body":"two"},
            "m.relates_to":{"rel_type":"m.replace","event_id":"{{{sent}}}"} }
            """);
        await world.Ada.SendAsync(world.Room, "m.room.message", """{"msgtype":"m.notice","body":"beep"}""");
        await (await world.Server.RegisterAsync("dan")).JoinAsync(world.Room);
        await world.Ada.SetStateAsync(world.Room, "m.room.server_acl", "", """{"allow":["*"]}""");
        await world.Ada.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"t"}""");
        Assert.Equal("1,0", await world.CountsAsync(world.Bob));
        await world.Ada.SetStateAsync(
            world.Room, "m.room.tombstone", "", """{"body":"moved","replacement_room":"!next:hs"}""");
        Assert.Equal("2,1", await world.CountsAsync(world.Bob));
        await world.Ada.SendAsync(world.Room, "m.room.encrypted", """{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"x"}""");
        Assert.Equal("3,1", await world.CountsAsync(world.Bob));
    }

    [Fact]
    public async Task two_people_are_told_with_a_sound()
    {
        await using var world = await PushWorld.StartAsync();
        var pair = await world.Ada.CreateRoomAsync();
        await world.Bob.JoinAsync(pair);
        await world.Ada.SendTextAsync(pair, "psst");
        await world.Ada.SendAsync(pair, "m.room.encrypted", """{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"x"}""");
        await world.Ada.SendTextAsync(world.Room, "all");
        var actions = (await PushWorld.NotificationsAsync(world.Bob)).Select(one => one.GetProperty("actions").GetRawText());
        const string loud = """["notify",{"set_tweak":"sound","value":"default"}]""";
        Assert.Equal(["""["notify"]""", loud, loud], actions);
    }

    [Fact]
    public async Task own_rules_hold_from_when_they_are_set()
    {
        await using var world = await PushWorld.StartAsync();
        await PushWorld.AddRuleAsync(
            world.Bob, "content", "cake", """{"pattern":"cake","actions":["notify",{"set_tweak":"highlight"}]}""");
        await world.Ada.SendTextAsync(world.Room, "there is Cake!");
        Assert.Equal("1,1", await world.CountsAsync(world.Bob));
        Assert.Equal("1,0", await world.CountsAsync(world.Cyd));
        // What has counted stays; what comes does not count.
        await PushWorld.AddRuleAsync(world.Bob, "room", world.Room, """{"actions":[]}""");
        await world.Ada.SendTextAsync(world.Room, "more");
        Assert.Equal("1,1", await world.CountsAsync(world.Bob));
        Assert.Equal("2,0", await world.CountsAsync(world.Cyd));
        (await world.Cyd.PutAsync("pushrules/global/override/.m.rule.master/enabled", """{"enabled":true}""")).Ok();
        await world.MentionAsync(world.Ada, world.Cyd.UserId);
        Assert.Equal("2,0", await world.CountsAsync(world.Cyd));
        (await world.Cyd.PutAsync("pushrules/global/override/.m.rule.master/enabled", """{"enabled":false}""")).Ok();
        await world.MentionAsync(world.Ada, world.Cyd.UserId);
        Assert.Equal("3,1", await world.CountsAsync(world.Cyd));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal("3,1", await world.CountsAsync(world.Cyd));
    }

    [Fact]
    public async Task a_display_name_is_the_one_in_the_room()
    {
        await using var world = await PushWorld.StartAsync();
        await PushWorld.AddRuleAsync(
            world.Bob, "override", "name", """
            {"actions":["notify",{"set_tweak":"highlight"}],"conditions":[{"kind":"contains_display_name"}]}
            """);
        (await world.Bob.PutAsync($"profile/{Uri.EscapeDataString(world.Bob.UserId)}/displayname", """{"displayname":"Bobby"}""")).Ok();
        await world.Ada.SendTextAsync(world.Room, "where is bobby?");
        await world.Ada.SendTextAsync(world.Room, "where is bob?");
        Assert.Equal("2,1", await world.CountsAsync(world.Bob));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal("2,1", await world.CountsAsync(world.Bob));
    }

    [Fact]
    public async Task invites_are_told_until_they_are_answered()
    {
        await using var world = await PushWorld.StartAsync();
        var room = await world.Ada.CreateRoomAsync("""{"preset":"private_chat"}""");
        await world.Ada.SendTextAsync(room, "before");
        (await world.Ada.PostAsync(PushWorld.Path(room, "invite"), $$"""{"user_id":"{{world.Bob.UserId}}"}""")).Ok();
        var invite = Assert.Single(await PushWorld.NotificationsAsync(world.Bob));
        Assert.Equal("m.room.member", invite.GetProperty("event").Text("type"));
        Assert.Equal(room, invite.Text("room_id"));
        Assert.False(invite.GetProperty("read").GetBoolean());
        await world.Bob.JoinAsync(room);
        Assert.Equal("0,0", await world.CountsAsync(world.Bob, room));
        Assert.True(Assert.Single(await PushWorld.NotificationsAsync(world.Bob)).GetProperty("read").GetBoolean());

        (await world.Ada.PostAsync(PushWorld.Path(room, "invite"), $$"""{"user_id":"{{world.Cyd.UserId}}"}""")).Ok();
        Assert.Single(await PushWorld.NotificationsAsync(world.Cyd));
        (await world.Cyd.PostAsync(PushWorld.Path(room, "leave"))).Ok();
        Assert.Empty(await PushWorld.NotificationsAsync(world.Cyd));
    }
}
