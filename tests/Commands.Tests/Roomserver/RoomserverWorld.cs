using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit.Sdk;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

/// <summary>The write side of rooms over the in-memory log, with ports that read the log itself. A new instance on the
/// same log is a restart.</summary>
internal sealed class RoomserverWorld : IAsyncDisposable
{
    public static readonly UserId Alice = UserId.Parse("@alice:hs");
    public static readonly UserId Bob = UserId.Parse("@bob:hs");
    public static readonly UserId Carol = UserId.Parse("@carol:hs");

    private readonly CreateRoomHandler _createRoom;
    private static int _worlds;
    private int _requests;

    public RoomserverWorld(
        FaultyLog? log = null, MemoryStateNodes? nodes = null, int activeMax = 100, IPolicyServers? policies = null)
    {
        Signing = new PolicySigning(policies ?? new NoPolicyServers(), Clock);
        Log = log ?? new FaultyLog(new InMemoryEventStore(Clock));
        Nodes = nodes ?? new MemoryStateNodes();
        Ports = new LogPorts(Log);
        var random = new SeededRandom(Interlocked.Increment(ref _worlds));
        Rooms = new RoomWorkers(
            Log, Nodes, Ports, Ports, Ports, Signing, Identity, Clock, random, Health, NullLogger<RoomWorkers>.Instance, activeMax);
        Appender = new FactAppender(Log, random);
        Aliases = new AliasBook(Log, Appender, Identity);
        Directory = new RoomDirectory(Log, Appender);
        Memberships = new Memberships(Rooms, Ports, Ports, Identity);
        Remote = new RemoteMemberships(
            Rooms,
            new NoRemoteRooms(),
            Ports,
            Ports,
            Aliases,
            new MembershipDrafts(Rooms, Memberships, Ports, Identity, Clock),
            Signing,
            Identity,
            Clock);
        Redactions = new Redactions(Rooms, Ports);
        _createRoom = new CreateRoomHandler(
            Rooms,
            Aliases,
            Directory,
            Memberships,
            Remote,
            new ThirdPartyInvites(Rooms, new NoIdentityServers(), new NoRemoteRooms(), Memberships, Remote, Identity),
            Identity,
            new FoundingTimes(Clock),
            random);
    }

    public static ServerIdentity Identity { get; } = new(
        ServerName.Parse("hs"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:test"), new byte[32]));

    public FakeTimeProvider Clock { get; } = new(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000));

    public FaultyLog Log { get; }

    public MemoryStateNodes Nodes { get; }

    public LogPorts Ports { get; }

    public PolicySigning Signing { get; }

    public RoomWorkers Rooms { get; }

    public RoomserverHealth Health { get; } = new();

    public FactAppender Appender { get; }

    public AliasBook Aliases { get; }

    public RoomDirectory Directory { get; }

    public Memberships Memberships { get; }

    public RemoteMemberships Remote { get; }

    public Redactions Redactions { get; }

    /// <summary>The same log and state store, with nothing in memory.</summary>
    public RoomserverWorld Restarted() => new(Log, Nodes) { Ports = { Profiles = Ports.Profiles } };

    public CommandContext ContextOf(UserId user) =>
        new(new FactActor(
            User: user.Value, Device: "DEVICE"), Clock.GetUtcNow().ToUnixTimeMilliseconds(), $"request-{++_requests}");

    public async Task<CommandResult<RoomId>> TryCreateAsync(UserId creator, Func<CreateRoom, CreateRoom>? change = null)
    {
        var command = new CreateRoom(ContextOf(creator), creator);
        command = change is null ? command : change(command);
        var validation = new CreateRoomValidator().Validate(command);
        return validation.IsValid
            ? await _createRoom.Handle(command, CancellationToken.None)
            : new MatrixError(400, validation.Errors[0].ErrorCode, validation.Errors[0].ErrorMessage);
    }

    public async Task<RoomId> CreateAsync(UserId creator, Func<CreateRoom, CreateRoom>? change = null) =>
        Done(await TryCreateAsync(creator, change));

    public Task<RoomId> CreatePublicAsync(string? version = null) =>
        CreateAsync(Alice, room => room with { Preset = RoomPreset.PublicChat, RoomVersion = version });

    public Task<CommandResult<EventId>> SendAsync(
        RoomId room, UserId sender, string body, string? transactionId = null) =>
        SendAsync(room, sender, "m.room.message", $$"""{"msgtype":"m.text","body":"{{body}}"}""", transactionId);

    public Task<CommandResult<EventId>> SendAsync(
        RoomId room, UserId sender, string type, string content, string? transactionId) =>
        new SendEventHandler(Rooms, Redactions).Handle(
            new SendEvent(
                ContextOf(sender),
                room,
                sender,
                type,
                Json(content),
                transactionId is null ? null : new TransactionKey(sender, "DEVICE", $"send/{type}", transactionId)),
            CancellationToken.None);

    public Task<CommandResult<EventId>> SetStateAsync(
        RoomId room, UserId sender, string type, string stateKey, string content) =>
        new SendStateHandler(Rooms, Memberships, Remote, Aliases, Identity).Handle(
            new SendState(ContextOf(sender), room, sender, type, stateKey, Json(content)), CancellationToken.None);

    public Task<CommandResult<EventId>> RedactAsync(RoomId room, UserId sender, EventId target, string transactionId) =>
        new RedactEventHandler(Redactions).Handle(
            new RedactEvent(
                ContextOf(sender),
                room,
                sender,
                target.Value,
                "spam",
                new TransactionKey(sender, "DEVICE", $"redact/{target}", transactionId)),
            CancellationToken.None);

    public Task<CommandResult<RoomId>> JoinAsync(UserId user, string roomIdOrAlias, bool isGuest = false) =>
        new JoinRoomHandler(Memberships, Remote).Handle(
            new JoinRoom(ContextOf(user), user, roomIdOrAlias, null, isGuest), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> InviteAsync(RoomId room, UserId sender, UserId target) =>
        new InviteUserHandler(Memberships, Remote, Identity).Handle(
            new InviteUser(ContextOf(sender), room, sender, target, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> LeaveAsync(RoomId room, UserId user) =>
        new LeaveRoomHandler(Memberships, Remote).Handle(
            new LeaveRoom(ContextOf(user), room, user, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> KickAsync(RoomId room, UserId sender, UserId target) =>
        new KickUserHandler(Memberships).Handle(
            new KickUser(ContextOf(sender), room, sender, target, "out"), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> BanAsync(RoomId room, UserId sender, UserId target) =>
        new BanUserHandler(Memberships).Handle(
            new BanUser(ContextOf(sender), room, sender, target, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> UnbanAsync(RoomId room, UserId sender, UserId target) =>
        new UnbanUserHandler(Memberships).Handle(
            new UnbanUser(ContextOf(sender), room, sender, target, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> ForgetAsync(RoomId room, UserId user) =>
        new ForgetRoomHandler(Rooms, new RoomForgetting(Appender)).Handle(
            new ForgetRoom(ContextOf(user), room, user), CancellationToken.None);

    public Task<CommandResult<RoomId>> KnockAsync(UserId user, RoomId room) =>
        new KnockOnRoomHandler(Memberships, Remote).Handle(
            new KnockOnRoom(ContextOf(user), user, room.Value, null), CancellationToken.None);

    /// <summary>All facts of a room, in order.</summary>
    public Task<List<PduRecorded>> FactsOfAsync(RoomId room) => Ports.FactsOfAsync(room);

    /// <summary>The content that holds a tuple in the room, by replay of the deltas.</summary>
    public async Task<JsonElement?> StateAsync(RoomId room, string type, string stateKey = "")
    {
        JsonElement? found = null;
        foreach (var fact in await FactsOfAsync(room))
        {
            if (fact.StateAdded.Any(entry => entry.Tuple.Type == type && entry.Tuple.StateKey == stateKey))
                found = Json(fact.Pdu.ToString()).GetProperty("content");
        }
        return found;
    }

    public static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    public static T Done<T>(CommandResult<T> result) => result switch
    {
        CommandResult<T>.Done done => done.Value,
        CommandResult<T>.Refused refused => throw new XunitException($"refused: {refused.Error}"),
        _ => throw new XunitException("neither done nor refused"),
    };

    public static MatrixError Refused<T>(CommandResult<T> result) => result is CommandResult<T>.Refused refused
        ? refused.Error
        : throw new XunitException($"not refused: {result}");

    public async ValueTask DisposeAsync() => await Rooms.DisposeAsync();
}
