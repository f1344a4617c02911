using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Push;

public sealed class Unread_counts
{
    [Fact]
    public async Task count_what_others_said_since_one_joined_and_read()
    {
        await using var world = await PushWorld.StartAsync();
        var late = await world.Server.RegisterAsync("dan");
        var first = await world.Ada.SendTextAsync(world.Room, "one");
        var second = await world.Ada.SendTextAsync(world.Room, "two");
        Assert.Equal("2,0", await world.CountsAsync(world.Bob));
        Assert.Equal("2,0", await world.CountsAsync(world.Cyd));
        Assert.Equal("0,0", await world.CountsAsync(world.Ada));
        await late.JoinAsync(world.Room);
        Assert.Equal("0,0", await world.CountsAsync(late));

        await world.ReadAsync(world.Bob, first);
        Assert.Equal("1,0", await world.CountsAsync(world.Bob));
        Assert.Equal("2,0", await world.CountsAsync(world.Cyd));
        await world.ReadAsync(world.Bob, second, type: "m.read.private");
        Assert.Equal("0,0", await world.CountsAsync(world.Bob));
        // The one that is ahead counts.
        await world.ReadAsync(world.Bob, first);
        Assert.Equal("0,0", await world.CountsAsync(world.Bob));

        // Who writes has read.
        await world.Cyd.SendTextAsync(world.Room, "three");
        Assert.Equal("0,0", await world.CountsAsync(world.Cyd));
        Assert.Equal("1,0", await world.CountsAsync(world.Bob));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal("1,0", await world.CountsAsync(world.Bob));
        Assert.Equal("0,0", await world.CountsAsync(world.Cyd));
    }

    [Fact]
    public async Task stand_in_the_sync_that_has_the_event_and_in_one_that_a_receipt_alone_ended()
    {
        await using var world = await PushWorld.StartAsync();
        var sync = await world.Bob.SyncAsync();
        var poll = world.Bob.SyncAsync(PushWorld.Token(sync), timeoutMs: 30_000);
        var sent = await world.Ada.SendTextAsync(world.Room, "one");
        sync = await poll;
        Assert.Equal("1,0", PushWorld.Counts(sync, world.Room));

        // Even where the filter shows neither the message nor receipts.
        const string quiet = """{"room":{"timeline":{"types":["x"]},"ephemeral":{"types":["x"]}},"presence":{"types":["x"]}}""";
        var quietSync = await world.Bob.SyncAsync(PushWorld.Token(sync), filter: quiet);
        Assert.Null(PushWorld.Counts(quietSync, world.Room));
        var second = await world.Ada.SendTextAsync(world.Room, "two");
        quietSync = await world.Bob.SyncAsync(PushWorld.Token(quietSync), timeoutMs: 30_000, filter: quiet);
        Assert.Equal("2,0", PushWorld.Counts(quietSync, world.Room));
        poll = world.Bob.SyncAsync(PushWorld.Token(quietSync), timeoutMs: 30_000, filter: quiet);
        await world.ReadAsync(world.Bob, second, type: "m.read.private");
        quietSync = await poll;
        Assert.Equal("0,0", PushWorld.Counts(quietSync, world.Room));

        // Another's receipt changes nothing of one's own.
        await world.ReadAsync(world.Cyd, sent);
        Assert.Null(PushWorld.Counts(await world.Bob.SyncAsync(PushWorld.Token(quietSync), filter: quiet), world.Room));
    }

    [Fact]
    public async Task go_down_with_redactions_and_ignore_the_ignored_and_those_who_left()
    {
        await using var world = await PushWorld.StartAsync();
        await world.Ada.SendTextAsync(world.Room, "one");
        var sent = await world.Cyd.SendTextAsync(world.Room, "two");
        var mention = await world.MentionAsync(world.Ada, world.Bob.UserId);
        Assert.Equal("3,1", await world.CountsAsync(world.Bob));
        await world.RedactAsync(world.Ada, mention);
        Assert.Equal("2,0", await world.CountsAsync(world.Bob));

        (await world.Bob.PutAsync(
            $"user/{Uri.EscapeDataString(world.Bob.UserId)}/account_data/m.ignored_user_list",
            $$$"""{"ignored_users":{"{{{world.Cyd.UserId}}}":{} } }""")).Ok();
        Assert.Equal("1,0", await world.CountsAsync(world.Bob));
        Assert.DoesNotContain(sent, PushWorld.Ids(await PushWorld.NotificationsAsync(world.Bob)));

        (await world.Bob.PostAsync(PushWorld.Path(world.Room, "leave"))).Ok();
        Assert.Empty(await PushWorld.NotificationsAsync(world.Bob));
        (await world.Bob.PostAsync(PushWorld.Path(world.Room, "forget"))).Ok();
        await world.Bob.JoinAsync(world.Room);
        Assert.Equal("0,0", await world.CountsAsync(world.Bob));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal("0,0", await world.CountsAsync(world.Bob));
    }

    [Fact]
    public async Task of_threads_are_counted_and_read_each_for_itself()
    {
        await using var world = await PushWorld.StartAsync();
        var root = await world.Ada.SendTextAsync(world.Room, "root");
        var reply = await world.ReplyAsync(world.Ada, root, "in thread");
        await PushWorld.AddRuleAsync(
            world.Bob, "override", "reactions", """
            {"actions":["notify"],"conditions":[{"kind":"event_match","key":"type","pattern":"m.reaction"}]}
            """);
        var reaction = await world.Ada.SendAsync(world.Room, "m.reaction", $$$"""
            {"m.relates_to":{"rel_type":"m.annotation","event_id":"{{{reply}}}","key":"+"} }
            """);
        var aside = await world.Ada.SendAsync(world.Room, "m.reaction", $$$"""
            {"m.relates_to":{"rel_type":"m.annotation","event_id":"{{{root}}}","key":"+"} }
            """);
        Assert.Equal($"2,0 {root}=2,0", await ThreadsAsync(world.Bob));
        Assert.Equal($"1,0 {root}=1,0", await ThreadsAsync(world.Cyd));
        Assert.Equal("4,0", await world.CountsAsync(world.Bob));

        await world.ReadAsync(world.Bob, aside, "main");
        Assert.Equal($"0,0 {root}=2,0", await ThreadsAsync(world.Bob));
        await world.ReadAsync(world.Bob, reply, root);
        Assert.Equal($"0,0 {root}=1,0", await ThreadsAsync(world.Bob));
        // Who writes into a thread has read the thread, and nothing else.
        await world.ReplyAsync(world.Cyd, root, "me too");
        Assert.Equal("1,0", await ThreadsAsync(world.Cyd));
        Assert.Equal($"0,0 {root}=2,0", await ThreadsAsync(world.Bob));
        await world.ReadAsync(world.Bob, reaction);
        Assert.Equal($"0,0 {root}=1,0", await ThreadsAsync(world.Bob));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal($"0,0 {root}=1,0", await ThreadsAsync(world.Bob));

        async Task<string?> ThreadsAsync(TestUser user) =>
            PushWorld.Counts(await user.SyncAsync(filter: PushWorld.Threads), world.Room);
    }
}
