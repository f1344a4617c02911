using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging.Abstractions;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

public sealed class Changing_memberships : IAsyncDisposable
{
    private readonly RoomserverWorld _world = new();

    public async ValueTask DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task joins_a_public_room_with_the_user_s_profile()
    {
        var room = await _world.CreatePublicAsync();
        _world.Ports.Profiles[Bob] = new MemberProfile("Bob", null);

        Assert.Equal(room, Done(await _world.JoinAsync(Bob, room.Value)));

        Assert.Equal("""{"displayname":"Bob","membership":"join"}""", await MemberAsync(room, Bob));
    }

    [Fact]
    public async Task joins_once()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));
        var count = (await _world.FactsOfAsync(room)).Count;

        Done(await _world.JoinAsync(Bob, room.Value));
        Assert.Equal(count, (await _world.FactsOfAsync(room)).Count);

        _world.Ports.Profiles[Bob] = new MemberProfile("Robert", null);
        Done(await _world.JoinAsync(Bob, room.Value));
        Assert.Equal(count + 1, (await _world.FactsOfAsync(room)).Count);
    }

    [Fact]
    public async Task joins_by_alias_and_finds_no_room_for_others()
    {
        var room = await _world.CreateAsync(
            Alice, command => command with { Preset = RoomPreset.PublicChat, AliasLocalpart = "pub" });

        Assert.Equal(room, Done(await _world.JoinAsync(Bob, "#pub:hs")));
        Assert.Equal(404, Refused(await _world.JoinAsync(Bob, "#none:hs")).Status);
        Assert.Equal(404, Refused(await _world.JoinAsync(Bob, "#pub:elsewhere")).Status);
        Assert.Equal(404, Refused(await _world.JoinAsync(Bob, "!none:hs")).Status);
        Assert.Equal(400, Refused(await _world.JoinAsync(Bob, "pub")).Status);
    }

    [Fact]
    public async Task joins_an_invite_only_room_only_when_invited()
    {
        var room = await _world.CreateAsync(Alice);

        Assert.Equal(ErrCodes.Forbidden, Refused(await _world.JoinAsync(Bob, room.Value)).ErrCode);
        Done(await _world.InviteAsync(room, Alice, Bob));
        Done(await _world.JoinAsync(Bob, room.Value));
        Assert.Equal(ErrCodes.Forbidden, Refused(await _world.InviteAsync(room, Alice, Bob)).ErrCode);
    }

    [Fact]
    public async Task rejects_an_invite_and_leaves_once()
    {
        var room = await _world.CreateAsync(Alice, command => command with { Invite = [Bob.Value] });

        Done(await _world.LeaveAsync(room, Bob));
        var count = (await _world.FactsOfAsync(room)).Count;
        Done(await _world.LeaveAsync(room, Bob));

        Assert.Equal(count, (await _world.FactsOfAsync(room)).Count);
        Assert.Equal(403, Refused(await _world.LeaveAsync(room, Carol)).Status);
        Assert.Equal(404, Refused(await _world.LeaveAsync(RoomId.Parse("!none:hs"), Carol)).Status);
    }

    [Fact]
    public async Task kicks_bans_and_unbans()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));

        Assert.Equal(403, Refused(await _world.KickAsync(room, Bob, Alice)).Status);
        Done(await _world.KickAsync(room, Alice, Bob));
        Assert.Equal("""{"membership":"leave","reason":"out"}""", await MemberAsync(room, Bob));
        Assert.Equal(403, Refused(await _world.KickAsync(room, Alice, Bob)).Status);
        Assert.Equal(403, Refused(await _world.UnbanAsync(room, Alice, Bob)).Status);
        Done(await _world.BanAsync(room, Alice, Bob));
        Assert.Equal(403, Refused(await _world.JoinAsync(Bob, room.Value)).Status);
        Assert.Equal(403, Refused(await _world.KickAsync(room, Alice, Bob)).Status);
        Assert.Equal(403, Refused(await _world.LeaveAsync(room, Bob)).Status);
        Done(await _world.UnbanAsync(room, Alice, Bob));
        Done(await _world.JoinAsync(Bob, room.Value));
    }

    [Fact]
    public async Task forgets_only_what_was_left()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));

        Assert.Equal(400, Refused(await _world.ForgetAsync(room, Bob)).Status);
        Done(await _world.LeaveAsync(room, Bob));
        Done(await _world.ForgetAsync(room, Bob));
        Assert.Equal(400, Refused(await _world.ForgetAsync(room, Carol)).Status);
        Assert.Equal(400, Refused(await _world.ForgetAsync(RoomId.Parse("!none:hs"), Carol)).Status);
    }

    [Theory]
    [InlineData("8", "restricted")]
    [InlineData("10", "knock_restricted")]
    [InlineData("12", "restricted")]
    public async Task joins_a_restricted_room_through_another_room(string version, string rule)
    {
        var space = await _world.CreatePublicAsync();
        var room = await _world.CreateAsync(Alice, command => command with { RoomVersion = version });
        Done(await _world.SetStateAsync(
            room,
            Alice,
            "m.room.join_rules",
            "",
            $$"""{"join_rule":"{{rule}}","allow":[{"type":"m.room_membership","room_id":"{{space}}"}]}"""));

        Assert.Equal(ErrCodes.Forbidden, Refused(await _world.JoinAsync(Bob, room.Value)).ErrCode);
        Done(await _world.JoinAsync(Bob, space.Value));
        Done(await _world.JoinAsync(Bob, room.Value));

        Assert.Equal(
            """{"join_authorised_via_users_server":"@alice:hs","membership":"join"}""", await MemberAsync(room, Bob));
    }

    [Fact]
    public async Task joins_a_restricted_room_without_an_authoriser_when_invited()
    {
        var space = await _world.CreatePublicAsync();
        var room = await _world.CreateAsync(Alice);
        Done(await _world.SetStateAsync(
            room,
            Alice,
            "m.room.join_rules",
            "",
            $$"""{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{{space}}"}]}"""));
        Done(await _world.InviteAsync(room, Alice, Carol));

        Done(await _world.JoinAsync(Carol, room.Value));

        Assert.Equal("""{"membership":"join"}""", await MemberAsync(room, Carol));
    }

    [Fact]
    public async Task knocks_where_the_rule_lets_it()
    {
        var room = await _world.CreateAsync(Alice);

        Assert.Equal(403, Refused(await _world.KnockAsync(Bob, room)).Status);
        Done(await _world.SetStateAsync(room, Alice, "m.room.join_rules", "", """{"join_rule":"knock"}"""));
        Done(await _world.KnockAsync(Bob, room));

        var fact = (await _world.FactsOfAsync(room))[^1];
        Assert.NotNull(fact.StrippedState);
        Done(await _world.InviteAsync(room, Alice, Bob));
        Done(await _world.JoinAsync(Bob, room.Value));
    }

    [Fact]
    public async Task lets_guests_in_only_where_they_are_welcome()
    {
        var room = await _world.CreatePublicAsync();

        Assert.Equal(
            ErrCodes.GuestAccessForbidden, Refused(await _world.JoinAsync(Bob, room.Value, isGuest: true)).ErrCode);
        Done(await _world.SetStateAsync(room, Alice, "m.room.guest_access", "", """{"guest_access":"can_join"}"""));
        Done(await _world.JoinAsync(Bob, room.Value, isGuest: true));
    }

    [Fact]
    public async Task takes_member_events_that_clients_write()
    {
        var room = await _world.CreatePublicAsync();
        _world.Ports.Profiles[Bob] = new MemberProfile("Bob", "mxc://hs/b");
        Done(await _world.SetStateAsync(room, Bob, "m.room.member", Bob.Value, """{"membership":"join"}"""));
        Done(await _world.SetStateAsync(
            room,
            Bob,
            "m.room.member",
            Bob.Value,
            """{"membership":"join","displayname":"Here","join_authorised_via_users_server":"@alice:hs"}"""));

        Assert.Equal(
            """{"avatar_url":"mxc://hs/b","displayname":"Here","membership":"join"}""", await MemberAsync(room, Bob));
        Assert.Equal(403, Refused(
            await _world.SetStateAsync(room, Bob, "m.room.member", Alice.Value, """{"membership":"ban"}""")).Status);
        Assert.Equal(400, Refused(
            await _world.SetStateAsync(room, Bob, "m.room.member", Bob.Value, """{"membership":1}""")).Status);
        Assert.Equal(400, Refused(
            await _world.SetStateAsync(room, Bob, "m.room.member", "bob", """{"membership":"join"}""")).Status);
    }

    [Fact]
    public async Task refuses_third_party_invites_that_nobody_signed()
    {
        var room = await _world.CreateAsync(Alice);
        string[] invites =
        [
            """{"membership":"invite","third_party_invite":{}}""",
            """{"membership":"invite","third_party_invite":{"signed":{"mxid":"@bob:hs","token":"t"}}}""",
            """{"membership":"invite","third_party_invite":7}""",
        ];

        foreach (var invite in invites)
            Refused(await _world.SetStateAsync(room, Alice, "m.room.member", Bob.Value, invite));
        Assert.True(_world.Health.IsHealthy);
    }

    [Fact]
    public async Task carries_a_new_profile_into_every_joined_room()
    {
        var first = await _world.CreatePublicAsync();
        var second = await _world.CreatePublicAsync();
        var left = await _world.CreatePublicAsync();
        foreach (var room in new[] { first, second, left })
            Done(await _world.JoinAsync(Bob, room.Value));
        Done(await _world.LeaveAsync(left, Bob));
        _world.Ports.Profiles[Bob] = new MemberProfile("Robert", null);

        var propagation = new ProfilePropagation(
            _world.Rooms, _world.Ports, _world.Ports, NullLogger<ProfilePropagation>.Instance);
        await propagation.PropagateAsync(Bob, _world.ContextOf(Bob));

        Assert.Contains("Robert", await MemberAsync(first, Bob), StringComparison.Ordinal);
        Assert.Contains("Robert", await MemberAsync(second, Bob), StringComparison.Ordinal);
        Assert.DoesNotContain("Robert", await MemberAsync(left, Bob), StringComparison.Ordinal);
    }

    private async Task<string> MemberAsync(RoomId room, UserId user) =>
        (await _world.StateAsync(room, "m.room.member", user.Value))!.Value.GetRawText();
}
