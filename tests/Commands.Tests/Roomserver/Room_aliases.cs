using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

public sealed class Room_aliases : IAsyncDisposable
{
    private readonly RoomserverWorld _world = new();

    public async ValueTask DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task point_to_one_room()
    {
        var room = await _world.CreatePublicAsync();
        var other = await _world.CreatePublicAsync();

        Done(await CreateAsync(Alice, "#a:hs", room));
        Assert.Equal((409, ErrCodes.Unknown), StatusOf(await CreateAsync(Alice, "#a:hs", other)));
        Assert.Equal((400, ErrCodes.InvalidParam), StatusOf(await CreateAsync(Alice, "#a:elsewhere", room)));
        Assert.Equal((403, ErrCodes.Forbidden), StatusOf(await CreateAsync(Bob, "#b:hs", room)));
        Assert.Equal(room, await _world.Aliases.ResolveAsync(RoomAlias.Parse("#a:hs")));
    }

    [Fact]
    public async Task can_be_claimed_by_one_of_many_at_once()
    {
        var room = await _world.CreatePublicAsync();

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 16).Select(_ => Task.Run(() => CreateAsync(Alice, "#a:hs", room))));

        Assert.Single(answers, answer => answer is CommandResult<Unit>.Done);
    }

    [Fact]
    public async Task are_deleted_by_their_maker_or_by_power_and_leave_the_canonical_alias()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));
        Done(await _world.JoinAsync(Carol, room.Value));
        Done(await CreateAsync(Bob, "#a:hs", room));
        Done(await CreateAsync(Bob, "#b:hs", room));
        Done(await _world.SetStateAsync(
            room, Alice, "m.room.canonical_alias", "", """{"alias":"#a:hs","alt_aliases":["#a:hs","#b:hs"]}"""));

        Assert.Equal((403, ErrCodes.Forbidden), StatusOf(await DeleteAsync(Carol, "#a:hs")));
        Done(await DeleteAsync(Alice, "#a:hs"));
        Done(await DeleteAsync(Bob, "#b:hs"));
        Assert.Equal((404, ErrCodes.NotFound), StatusOf(await DeleteAsync(Bob, "#b:hs")));

        var canonical = (await _world.StateAsync(room, "m.room.canonical_alias"))!.Value;
        Assert.Equal("""{"alt_aliases":["#b:hs"]}""", canonical.GetRawText());
        Done(await CreateAsync(Bob, "#b:hs", room));
    }

    [Fact]
    public async Task and_the_directory_are_the_business_of_who_has_power()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));

        Assert.Equal((403, ErrCodes.Forbidden), StatusOf(await ListAsync(Bob, room)));
        Assert.Equal((404, ErrCodes.NotFound), StatusOf(await ListAsync(Bob, RoomId.Parse("!none:hs"))));
        Done(await ListAsync(Alice, room));
        Assert.True(await _world.Directory.IsPublicAsync(room));
    }

    private static (int Status, string ErrCode) StatusOf(CommandResult<Unit> result)
    {
        var error = Refused(result);
        return (error.Status, error.ErrCode);
    }

    private Task<CommandResult<Unit>> CreateAsync(UserId user, string alias, RoomId room) =>
        new CreateAliasHandler(_world.Rooms, _world.Aliases).Handle(
            new CreateAlias(_world.ContextOf(user), user, alias, room), CancellationToken.None);

    private Task<CommandResult<Unit>> DeleteAsync(UserId user, string alias) =>
        new DeleteAliasHandler(_world.Rooms, _world.Aliases).Handle(
            new DeleteAlias(_world.ContextOf(user), user, alias, false), CancellationToken.None);

    private Task<CommandResult<Unit>> ListAsync(UserId user, RoomId room) =>
        new SetRoomVisibilityHandler(_world.Rooms, _world.Directory).Handle(
            new SetRoomVisibility(_world.ContextOf(user), user, room, true, false), CancellationToken.None);
}
