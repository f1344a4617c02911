using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

public sealed class Redacting_events : IAsyncDisposable
{
    private readonly RoomserverWorld _world = new();

    public async ValueTask DisposeAsync() => await _world.DisposeAsync();

    [Theory]
    [InlineData("1")]
    [InlineData("6")]
    [InlineData("10")]
    [InlineData("11")]
    [InlineData("12")]
    public async Task says_what_it_redacts_where_the_room_version_wants_it(string version)
    {
        var room = await _world.CreatePublicAsync(version);
        var target = Done(await _world.SendAsync(room, Alice, "oops"));

        Done(await _world.RedactAsync(room, Alice, target, "t1"));
        Done(await _world.SendAsync(
            room, Alice, "m.room.redaction", $$"""{"redacts":"{{target}}","reason":"again"}""", "t2"));

        foreach (var fact in (await _world.FactsOfAsync(room))[^2..])
        {
            var pdu = Json(fact.Pdu.ToString());
            Assert.Equal(target, fact.RedactsApplied);
            var holder = version is "11" or "12" ? pdu.GetProperty("content") : pdu;
            Assert.Equal(target.Value, holder.GetProperty("redacts").GetString());
            Assert.Equal(version is "11" or "12", pdu.GetProperty("content").TryGetProperty("redacts", out _));
            Assert.True(pdu.GetProperty("content").TryGetProperty("reason", out _));
        }
    }

    [Fact]
    public async Task takes_power_to_redact_others()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));
        var ofAlice = Done(await _world.SendAsync(room, Alice, "one"));
        var ofBob = Done(await _world.SendAsync(room, Bob, "two"));

        Assert.Equal(ErrCodes.Forbidden, Refused(await _world.RedactAsync(room, Bob, ofAlice, "t1")).ErrCode);
        Done(await _world.RedactAsync(room, Bob, ofBob, "t2"));
        Done(await _world.RedactAsync(room, Alice, ofBob, "t3"));
    }

    [Fact]
    public async Task refuses_events_of_other_rooms_and_unknown_ones()
    {
        var room = await _world.CreateAsync(Alice);
        var other = await _world.CreateAsync(Alice);
        var elsewhere = Done(await _world.SendAsync(other, Alice, "one"));

        Assert.Equal(ErrCodes.NotFound, Refused(await _world.RedactAsync(room, Alice, elsewhere, "t1")).ErrCode);
        Assert.Equal(
            ErrCodes.NotFound, Refused(await _world.RedactAsync(room, Alice, EventId.Parse("$none"), "t2")).ErrCode);
        Assert.Equal(ErrCodes.Forbidden, Refused(await _world.RedactAsync(room, Bob, elsewhere, "t3")).ErrCode);
    }

    [Fact]
    public async Task refuses_to_redact_the_create_event()
    {
        var room = await _world.CreateAsync(Alice);
        var create = (await _world.FactsOfAsync(room))[0].EventId;

        Assert.Equal(ErrCodes.Forbidden, Refused(await _world.RedactAsync(room, Alice, create, "t1")).ErrCode);
    }

    [Fact]
    public async Task makes_redacted_state_count_as_what_is_left_of_it()
    {
        var room = await _world.CreateAsync(
            Alice, command => command with { Preset = Commands.Roomserver.Perform.RoomPreset.PublicChat });
        Done(await _world.JoinAsync(Bob, room.Value));
        var guests = Done(
            await _world.SetStateAsync(room, Alice, "m.room.guest_access", "", """{"guest_access":"can_join"}"""));
        Done(await _world.JoinAsync(Carol, room.Value, isGuest: true));
        Done(await _world.LeaveAsync(room, Carol));

        Done(await _world.RedactAsync(room, Alice, guests, "t1"));

        Assert.Equal(
            ErrCodes.GuestAccessForbidden, Refused(await _world.JoinAsync(Carol, room.Value, isGuest: true)).ErrCode);
    }
}
