using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Invites and knocks of a user whose server is not in the room, and invites that are faster than the room's own
/// PDUs.</summary>
public sealed class Withdrawn_invites : IAsyncLifetime
{
    private readonly Interception _wire = new();
    private TestHomeserver _first = null!;
    private TestHomeserver _second = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private TestUser _carol = null!;

    public async Task InitializeAsync()
    {
        _first = await FederatingServers.StartAsync(_wire);
        _second = await FederatingServers.StartAsync();
        _alice = await _first.RegisterAsync("alice");
        _bob = await _second.RegisterAsync("bob");
        _carol = await _second.RegisterAsync("carol");
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    /// <summary>Nobody told the server of an invited user that the invite was gone: it stayed for ever, and could be neither
    /// accepted nor explained.</summary>
    [Theory]
    [InlineData("kick", "10")]
    [InlineData("ban", "11")]
    [InlineData("kick", "12")]
    public async Task invite_is_taken_back_where_nobody_is_in_the_room(string how, string version)
    {
        var room = await _alice.CreateRoomAsync($$"""{"preset":"private_chat","room_version":"{{version}}"}""");
        await InviteAsync(room, _bob);
        await _bob.IsInvitedAsync(room);
        (await _alice.PostAsync($"rooms/{Escaped(room)}/{how}", Named(_bob))).Ok();

        await _bob.SeesAsync(
            sync => SharedRooms.Events(sync, "invite", room, "invite_state").Count == 0, "the invite stays");
        (await _bob.PostAsync($"join/{Escaped(room)}?via={ServerOf(_alice)}")).Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task knock_is_refused_where_nobody_is_in_the_room()
    {
        var room = await _alice.CreateRoomAsync(
            """
            {"preset":"private_chat","room_version":"10","initial_state":[
                {"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}
            """);
        (await _bob.PostAsync($"knock/{Escaped(room)}?via={ServerOf(_alice)}")).Ok();
        Assert.NotEmpty(SharedRooms.Events(await _bob.SyncAsync(), "knock", room, "knock_state"));
        (await _alice.PostAsync($"rooms/{Escaped(room)}/kick", Named(_bob))).Ok();

        await _bob.SeesAsync(
            sync => SharedRooms.Events(sync, "knock", room, "knock_state").Count == 0, "the knock stays");
    }

    /// <summary>A second invite is another event than the one that was taken back.</summary>
    [Fact]
    public async Task invite_comes_again()
    {
        var room = await _alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        await InviteAsync(room, _bob);
        (await _alice.PostAsync($"rooms/{Escaped(room)}/kick", Named(_bob))).Ok();
        await _bob.SeesAsync(
            sync => SharedRooms.Events(sync, "invite", room, "invite_state").Count == 0, "the invite stays");
        await InviteAsync(room, _bob);
        await _bob.IsInvitedAsync(room);
        await _bob.JoinAsync(room);

        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    /// <summary>The server of the invited is in the room, but the room's PDUs are slower than the invite itself: whoever
    /// accepted at once was told that they are not invited.</summary>
    [Theory]
    [InlineData("private_chat", "[]")]
    [InlineData("private_chat", """[{"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock_restricted","allow":[]}}]""")]
    public async Task invite_is_accepted_before_the_room_tells_of_it(string preset, string state)
    {
        var room = await RoomWithBobAsync($$"""{"preset":"{{preset}}","room_version":"11","initial_state":{{state}}}""");
        var release = HoldTransactions();
        await InviteAsync(room, _carol);
        await _carol.IsInvitedAsync(room);
        await _carol.JoinAsync(room);
        release.SetResult();
        var said = await _carol.SendTextAsync(room, "here I am");

        await _alice.SeesAsync(room, said);
        await _bob.SeesAsync(room, said);
        Assert.Equal("join", await MembershipAsync(_alice, room, _carol));
        Assert.Equal("join", await MembershipAsync(_bob, room, _carol));
    }

    [Fact]
    public async Task invite_is_rejected_before_the_room_tells_of_it()
    {
        var room = await RoomWithBobAsync("""{"preset":"private_chat","room_version":"11"}""");
        var release = HoldTransactions();
        await InviteAsync(room, _carol);
        await _carol.IsInvitedAsync(room);
        (await _carol.PostAsync($"rooms/{Escaped(room)}/leave")).Ok();
        Assert.Equal("leave", await MembershipAsync(_alice, room, _carol));
        release.SetResult();
        var said = await _alice.SendTextAsync(room, "a pity");
        await _bob.SeesAsync(room, said);

        Assert.Equal("leave", await MembershipAsync(_bob, room, _carol));
        Assert.Empty(SharedRooms.Events(await _carol.SyncAsync(), "invite", room, "invite_state"));
    }

    /// <summary>Bob's server is in the room, and holds what the first server has said so far.</summary>
    private async Task<string> RoomWithBobAsync(string settings)
    {
        var room = await _alice.CreateRoomAsync(settings);
        await InviteAsync(room, _bob);
        await _bob.IsInvitedAsync(room);
        await _bob.JoinAsync(room);
        var said = await _alice.SendTextAsync(room, "welcome");
        await _bob.SeesAsync(room, said);
        return room;
    }

    /// <summary>From now on the first server's transactions wait.</summary>
    private TaskCompletionSource HoldTransactions()
    {
        var release = new TaskCompletionSource();
        _wire.Answer = async (request, gone) =>
        {
            if (request.Uri.Contains("/v1/send/", StringComparison.Ordinal))
                await release.Task.WaitAsync(gone);
            return null;
        };
        return release;
    }

    private async Task InviteAsync(string room, TestUser user) =>
        (await _alice.PostAsync($"rooms/{Escaped(room)}/invite", Named(user))).Ok();

    private static async Task<string?> MembershipAsync(TestUser viewer, string room, TestUser user)
    {
        var reply = await viewer.GetAsync($"rooms/{Escaped(room)}/state/m.room.member/{Escaped(user.UserId)}");
        return reply.Status == 200 ? reply.Json.Text("membership") : null;
    }

    private static string Named(TestUser user) => $$"""{"user_id":"{{user.UserId}}"}""";

    private static string ServerOf(TestUser user) => user.UserId[(user.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];

    private static string Escaped(string text) => Uri.EscapeDataString(text);
}
