using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.Commands.Tests.Roomserver;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>One process of our server: everything it has in memory, over a log that others may write to as well.</summary>
internal sealed class ServerProcess
{
    private readonly CreateRoomHandler _createRoom;
    private readonly Memberships _memberships;
    private readonly RemoteMemberships _remote;
    private readonly Redactions _redactions;
    private readonly AliasBook _aliases;
    private readonly TimeProvider _clock;
    private int _requests;

    public ServerProcess(
        IEventStore store, DecodedLog decoded, MemoryStateNodes nodes, TimeProvider clock, Random random, int seed)
    {
        _clock = clock;
        Log = new SimulatedLog(store, random);
        var ports = new ReadSide(decoded, Log);
        var ids = new SeededRandom(seed);
        var signing = new PolicySigning(new NoPolicyServers(), clock);
        Rooms = new RoomWorkers(Log, nodes, ports, ports, ports, signing, Identity, clock, ids, Health, Problems);
        var appender = new FactAppender(Log, ids);
        _aliases = new AliasBook(Log, appender, Identity);
        var directory = new RoomDirectory(Log, appender);
        _memberships = new Memberships(Rooms, ports, ports, Identity);
        var drafts = new MembershipDrafts(Rooms, _memberships, ports, Identity, clock);
        _remote = new RemoteMemberships(
            Rooms, new NoRemoteRooms(), ports, ports, _aliases, drafts, signing, Identity, clock);
        _redactions = new Redactions(Rooms, ports);
        _createRoom = new CreateRoomHandler(
            Rooms,
            _aliases,
            directory,
            _memberships,
            _remote,
            new ThirdPartyInvites(Rooms, new NoIdentityServers(), new NoRemoteRooms(), _memberships, _remote, Identity),
            Identity,
            new FoundingTimes(clock),
            ids);
    }

    public static ServerIdentity Identity { get; } = new(
        ServerName.Parse("hs"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:hs"), new byte[32]));

    public SimulatedLog Log { get; }

    public RoomWorkers Rooms { get; }

    public RoomserverHealth Health { get; } = new();

    public ProblemLog Problems { get; } = new();

    public CommandContext ContextOf(UserId user) => new(
        new FactActor(User: user.Value, Device: "DEVICE"),
        _clock.GetUtcNow().ToUnixTimeMilliseconds(),
        $"request-{++_requests}");

    public Task<CommandResult<RoomId>> CreateAsync(UserId creator, string version, RoomPreset preset) =>
        _createRoom.Handle(
            new CreateRoom(ContextOf(creator), creator) { RoomVersion = version, Preset = preset },
            CancellationToken.None);

    public Task<CommandResult<EventId>> SendAsync(RoomId room, UserId sender, string content, string? transaction) =>
        new SendEventHandler(Rooms, _redactions).Handle(
            new SendEvent(
                ContextOf(sender),
                room,
                sender,
                "m.room.message",
                Json(content),
                transaction is null
                    ? null
                    : new TransactionKey(sender, "DEVICE", "send/m.room.message", transaction)),
            CancellationToken.None);

    public Task<CommandResult<EventId>> SetStateAsync(
        RoomId room, UserId sender, string type, string stateKey, string content) =>
        new SendStateHandler(Rooms, _memberships, _remote, _aliases, Identity).Handle(
            new SendState(ContextOf(sender), room, sender, type, stateKey, Json(content)), CancellationToken.None);

    public Task<CommandResult<EventId>> RedactAsync(RoomId room, UserId sender, EventId target, string transaction) =>
        new RedactEventHandler(_redactions).Handle(
            new RedactEvent(
                ContextOf(sender),
                room,
                sender,
                target.Value,
                "spam",
                new TransactionKey(sender, "DEVICE", $"redact/{target}", transaction)),
            CancellationToken.None);

    public Task<CommandResult<RoomId>> JoinAsync(RoomId room, UserId user) =>
        new JoinRoomHandler(_memberships, _remote).Handle(
            new JoinRoom(ContextOf(user), user, room.Value, null, false), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> InviteAsync(RoomId room, UserId sender, UserId target) =>
        new InviteUserHandler(_memberships, _remote, Identity).Handle(
            new InviteUser(ContextOf(sender), room, sender, target, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> LeaveAsync(RoomId room, UserId user) =>
        new LeaveRoomHandler(_memberships, _remote).Handle(
            new LeaveRoom(ContextOf(user), room, user, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> KickAsync(RoomId room, UserId sender, UserId target) =>
        new KickUserHandler(_memberships).Handle(
            new KickUser(ContextOf(sender), room, sender, target, "out"), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> BanAsync(RoomId room, UserId sender, UserId target) =>
        new BanUserHandler(_memberships).Handle(
            new BanUser(ContextOf(sender), room, sender, target, null), CancellationToken.None);

    public Task<CommandResult<MediatR.Unit>> UnbanAsync(RoomId room, UserId sender, UserId target) =>
        new UnbanUserHandler(_memberships).Handle(
            new UnbanUser(ContextOf(sender), room, sender, target, null), CancellationToken.None);

    public static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}

/// <summary>Exceptions that a process met and that no injected fault explains.</summary>
internal sealed class ProblemLog : ILogger<RoomWorkers>
{
    public List<Exception> Problems { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        Microsoft.Extensions.Logging.EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) => Add(exception);

    private void Add(Exception? exception)
    {
        if (exception is not (null or EventStoreException))
            Problems.Add(exception);
    }
}
