using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.EduServer;

/// <summary>What the federation endpoint calls, for users that it says are the origin's.</summary>
public sealed class Edus_of_other_servers
{
    private static readonly ServerName Us = ServerName.Parse("hs");
    private static readonly ServerName Other = ServerName.Parse("other.org");
    private static readonly UserId Far = UserId.Parse("@far:other.org");

    [Fact]
    public async Task are_believed_of_members_that_are_the_origins_own()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var edus = world.Server.Services.GetRequiredService<IEduServerForFederationApi>();
        var context = new CommandContext(new FactActor(Server: "hs"), world.Time.GetUtcNow().ToUnixTimeMilliseconds(), "edu");
        var room = RoomId.Parse(world.Room);
        // Bob stands in for a user of the origin: a member, and of the server that speaks.
        var bob = UserId.Parse(world.Bob.UserId);
        var sent = Protocol.Identifiers.EventId.Parse("$notyethere");

        Assert.Null(await edus.ReceiveTypingAsync(Us, room, bob, isTyping: true, context));
        Assert.Null(await edus.ReceiveReceiptAsync(Us, room, bob, sent, null, 42, context));
        Assert.Equal("M_FORBIDDEN", (await edus.ReceiveTypingAsync(Other, room, bob, true, context))!.ErrCode);
        Assert.Equal("M_FORBIDDEN", (await edus.ReceiveTypingAsync(Other, room, Far, true, context))!.ErrCode);
        Assert.Equal("M_FORBIDDEN", (await edus.ReceiveReceiptAsync(Other, room, Far, sent, null, 1, context))!.ErrCode);
        Assert.Equal("M_INVALID_PARAM", (await edus.ReceiveReceiptAsync(Us, room, bob, sent, "x", 1, context))!.ErrCode);

        var sync = await world.Alice.SyncAsync();
        Assert.Equal(
            [
                EduWorld.Typing(world.Bob.UserId),
                """{"type":"m.receipt","content":{"$notyethere":{"m.read":{"@bob:hs":{"ts":42}}}}}""",
            ],
            world.Ephemeral(sync));

        // Nobody says that a user of another server stopped: it ends by itself.
        var poll = world.Alice.SyncAsync(EduWorld.Token(sync), timeoutMs: 120_000);
        world.Time.Advance(TimeSpan.FromSeconds(61));
        var ended = await poll;
        while (world.Ephemeral(ended).Length == 0)
            ended = await world.Alice.SyncAsync(EduWorld.Token(ended), timeoutMs: 120_000);
        Assert.Equal([EduWorld.Typing()], world.Ephemeral(ended));
    }

    [Fact]
    public async Task say_how_their_users_are()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var edus = world.Server.Services.GetRequiredService<IEduServerForFederationApi>();
        var context = new CommandContext(
            new FactActor(Server: "other.org"), world.Time.GetUtcNow().ToUnixTimeMilliseconds(), "edu");
        Assert.Null(await edus.ReceivePresenceAsync(Other, Far, PresenceState.Online, "far", 3_000, true, context));
        Assert.Equal(
            "M_FORBIDDEN",
            (await edus.ReceivePresenceAsync(Other, UserId.Parse("@alice:hs"), PresenceState.Offline, null, 0, false, context))!.ErrCode);
        // She shares no room with him.
        (await world.Alice.GetAsync("presence/@far:other.org/status")).Refused(403, "M_FORBIDDEN");
    }
}
