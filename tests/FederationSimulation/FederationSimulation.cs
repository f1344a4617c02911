using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What happened in a run.</summary>
internal sealed record FederationResult(string Transcript)
{
    public int Servers { get; init; }

    public int Facts { get; init; }

    public int Acknowledged { get; init; }

    public int Requests { get; init; }

    public int Lost { get; init; }

    public int Repeated { get; init; }

    public int Retries { get; init; }

    public int Crashes { get; init; }

    public int KeyRotations { get; init; }

    public int Byzantine { get; init; }

    /// <summary>Rooms that several servers hold the same at the end, and how many servers those are in all.</summary>
    public int SharedRooms { get; init; }

    public int SharedBy { get; init; }

    /// <summary>Servers that are in a room by their own view only: nobody told them that they are out.</summary>
    public int Exiled { get; init; }

    /// <summary>Rooms whose servers differ by what some of them have soft-failed and others not, which depends on the order in
    /// which PDUs came.</summary>
    public int Apart { get; init; }

    public int EdusSent { get; init; }

    public int ToDevice { get; init; }

    public int HostileEdus { get; init; }

    public SortedDictionary<PduDisposition, int> Dispositions { get; init; } = [];
}

/// <summary>One run: several servers, clients, a network and one server that keeps to no rules, all drawn from a seed.</summary>
/// <remarks>
/// <code>
///   rooms are made ─► clients act, faults come and go, a look at everything now and then ─► faults are over, all is delivered
///                     ─► each server says something ─► the servers hold the same
/// </code>
/// </remarks>
internal sealed partial class FederationSimulation
{
    private const int Steps = 90;

    private readonly World _world;
    private readonly SimulatedNetwork _network;
    private readonly List<SimulatedServer> _servers = [];
    private readonly ByzantineServer? _byzantine;
    private readonly Dictionary<RoomId, SharedRoom> _rooms = [];
    private readonly List<(SimulatedServer Server, RoomId Room, EventId EventId)> _acknowledged = [];
    private readonly Dictionary<SimulatedServer, int> _factsHeard = [];
    private readonly List<Task> _acts = [];
    private readonly bool _hasEdus;
    private readonly int _faults;
    private int _sharedRooms;
    private int _sharedBy;
    private int _exiled;
    private int _apart;

    public World World => _world;

    public SimulatedNetwork Network => _network;

    public IReadOnlyList<SimulatedServer> Servers => _servers;

    public IReadOnlyDictionary<RoomId, SharedRoom> Rooms => _rooms;

    private FederationSimulation(int seed, int servers, bool hasEdus)
    {
        _world = new World(seed);
        _hasEdus = hasEdus;
        _network = new SimulatedNetwork(_world);
        _ = new SimulatedNotary(_world, _network);
        for (var i = 1; i <= servers; i++)
            _servers.Add(new SimulatedServer(_world, _network, $"s{i}.test", 0, hasEdus));
        if (!hasEdus)
            return;
        _network.Sends = LeavesAsync;
        _network.Answers = AnsweredAsync;
    }

    private FederationSimulation(int seed, bool hasEdus)
        : this(seed, 0, hasEdus)
    {
        _faults = _world.Random.Next(4);
        for (var i = 3 + _world.Random.Next(3); i > 0; i--)
        {
            var skewMs = _faults == 0 ? 0 : _world.Random.Next(-600_000, 600_000);
            _servers.Add(new SimulatedServer(_world, _network, $"s{_servers.Count + 1}.test", skewMs, hasEdus));
        }
        if (_world.Chance(60))
            _byzantine = new ByzantineServer(_world, _network, "evil.test");
    }

    /// <summary>Runs a seed; a failure names it, and shows the last things that happened.</summary>
    /// <param name="seed">What all is drawn from.</param>
    /// <param name="hasEdus">False: rooms only, as seeds were run that found something in rooms.</param>
    public static FederationResult Run(int seed, bool hasEdus = true)
    {
        var run = new FederationSimulation(seed, hasEdus);
        run.Go(run.RunAsync);
        return run.Summarise();
    }

    /// <summary>A run whose acts a test says; all that must hold at the end must hold here, too.</summary>
    public static void Script(int seed, int servers, Func<FederationSimulation, Task> act, bool hasEdus = false)
    {
        var run = new FederationSimulation(seed, servers, hasEdus);
        run.Go(async () =>
        {
            foreach (var server in run._servers)
                await server.StartAsync();
            await act(run);
            await run.EndAsync();
        });
    }

    private void Go(Func<Task> act)
    {
        try
        {
            new DeterministicPump(_world.Random, _world.LetTimePass).Run(act);
        }
        catch (Exception problem)
        {
            throw new SimulationFailure(
                $"seed {_world.Seed} failed ({_servers.Count} servers; ./dev fedsim {_world.Seed}): {problem}\n{_world.Tail}");
        }
    }

    private FederationResult Summarise() => new(_world.Hash)
    {
        Servers = _servers.Count,
        Facts = _servers.Sum(server => server.Decoded.Facts.Count),
        Acknowledged = _acknowledged.Count,
        Requests = _network.Requests,
        Lost = _network.Lost,
        Repeated = _network.Repeated,
        Retries = _network.Retries,
        Crashes = _servers.Sum(server => server.Crashes),
        KeyRotations = _servers.Sum(server => server.KeyRotations),
        Byzantine = (_byzantine?.Made ?? 0) + (_byzantine?.Forged ?? 0),
        SharedRooms = _sharedRooms,
        SharedBy = _sharedBy,
        Exiled = _exiled,
        Apart = _apart,
        EdusSent = _servers.Sum(server => server.Watch.Edus),
        ToDevice = _servers.Sum(server => server.Watch.ToDevice.Count),
        HostileEdus = _byzantine?.Edus ?? 0,
        Dispositions = new(_servers.SelectMany(server => server.Decoded.Facts).GroupBy(seen => seen.Fact.Disposition)
            .ToDictionary(group => group.Key, group => group.Count())),
    };

    private async Task RunAsync()
    {
        foreach (var server in _servers)
            await server.StartAsync();
        for (var i = 1 + _world.Random.Next(3); i > 0; i--)
            await CreateRoomAsync(_world.Draw(_servers));
        for (var step = 0; step < Steps; step++)
        {
            await _world.WaitAsync(_world.Draw([1, 10, 100, 500, 2_000, 10_000, 60_000]));
            if (_faults > 0 && _world.Chance(25))
                await ChangeFaultsAsync();
            for (var i = 1 + _world.Random.Next(3); i > 0; i--)
                _acts.Add(_world.WatchedAsync(TryActAsync(ActAsync)));
            if (_hasEdus)
                StartEduActs();
            if (_byzantine is not null && _world.Chance(20))
                _acts.Add(_world.WatchedAsync(ActByzantineAsync()));
            if (step % 3 == 2)
                await CheckAsync();
        }
        await EndAsync();
    }

    /// <summary>The network and the processes get better or worse.</summary>
    private async Task ChangeFaultsAsync()
    {
        switch (_world.Random.Next(8))
        {
            case 0:
                _network.LostPercent = _faults * _world.Random.Next(8);
                _network.RepeatedPercent = _faults * _world.Random.Next(8);
                _network.DelayMaxMs = _world.Draw([5, 50, 500, 5_000]);
                _world.Say($"network: {_network.LostPercent}% lost, {_network.RepeatedPercent}% repeated, {_network.DelayMaxMs} ms");
                break;
            case 1 or 2:
                Part();
                break;
            case 3:
                _network.Heal();
                _world.Say("network: whole");
                break;
            case 4 when _faults > 1:
                var victim = _world.Draw(_servers);
                victim.Crash();
                _world.After(
                    TimeSpan.FromMilliseconds(_world.Draw([1, 1_000, 30_000, 600_000])),
                    () => _acts.Add(_world.WatchedAsync(victim.StartAsync())));
                break;
            case 5:
                _world.Draw(_servers).Process?.Log.FailLater(1 + _world.Random.Next(4), _world.Chance(50));
                break;
            case 6 when _world.Draw(_servers).Process is { } process:
                process.SlowPercent = process.SlowPercent == 0 ? 30 : 0;
                break;
            case 7 when _faults > 2:
                // Long enough that only the newest PDU of each room waits.
                await _world.WaitAsync(2 * 60 * 60 * 1000);
                break;
        }
    }

    private void Part()
    {
        _network.Heal();
        var nodes = _network.Nodes.Where(node => node is not SimulatedNotary).ToList();
        var side = nodes.Where(_ => _world.Chance(50)).Select(node => node.Name).ToHashSet();
        foreach (var one in nodes)
        {
            foreach (var other in nodes.Where(other => side.Contains(one.Name) && !side.Contains(other.Name)))
                _network.Cut(one.Name, other.Name);
        }
        _world.Say($"network: [{string.Join(", ", side)}] is parted from the others");
    }

    private async Task ActByzantineAsync()
    {
        await HearAsync();
        if (_rooms.Count == 0)
            return;
        var room = _world.Draw(_rooms.Values.ToList());
        var knowing = _servers.Where(server => server.Rooms.TryGetValue(room.RoomId, out var known) && known.Extremities.Count > 0).ToList();
        if (knowing.Count == 0)
            return;
        var checker = _world.Draw(knowing).Rooms[room.RoomId];
        var names = knowing.ConvertAll(server => server.Name);
        if (_world.Chance(25))
            await _byzantine!.AskAsync(room, _world.Draw(names), _servers.SelectMany(server => server.Users).ToList());
        else
            await _byzantine!.ActAsync(room, new(checker.Current), [.. checker.Extremities], names);
    }

    /// <summary>Faults are over, and all that waits is delivered; then the servers must agree.</summary>
    private async Task EndAsync()
    {
        _network.Heal();
        (_network.LostPercent, _network.RepeatedPercent, _network.DelayMaxMs) = (0, 0, 50);
        if (_byzantine is not null)
            _byzantine.IsTame = true;
        foreach (var server in _servers)
        {
            await server.StartAsync();
            server.Process!.Log.FailNoMore();
            server.Process.SlowPercent = 0;
        }
        _world.Say("the faults are over");
        await Task.WhenAll(_acts);
        await QuietAsync();
        for (var round = 0; round < 3; round++)
        {
            foreach (var room in _rooms.Values)
                await CloseAsync(room, round);
        }
        for (var round = 3; round < 6; round++)
        {
            foreach (var room in _rooms.Values.Where(room => !HaveSameHeads(Recognised(room), room)).ToList())
                await CloseAsync(room, round);
        }
        if (_hasEdus)
            await CheckPresenceAsync();
        await BackfillAsync();
        foreach (var room in _rooms.Values)
        {
            CheckAgreement(room);
            CheckHistory(room);
        }
        foreach (var server in _servers)
            CheckDelivered(server);
        if (_hasEdus)
            await CheckEdusAsync();
    }

    public async Task QuietAsync()
    {
        await _world.QuietAsync();
        await CheckAsync();
    }

    /// <summary>Takes in what the logs say by now, and holds it against the oracle.</summary>
    public async Task CheckAsync()
    {
        await HearAsync();
        foreach (var server in _servers)
        {
            await server.CheckAsync();
            if (_hasEdus)
                await CheckToDeviceAsync(server);
            foreach (var (_, eventId) in server.Promised)
            {
                if (!server.Rooms.Values.Any(room => room.Decided.ContainsKey(eventId)))
                    throw new SimulationFailure($"{server.Name} said that it took {eventId}, and has not recorded it");
            }
            server.Promised.Clear();
        }
        foreach (var (server, room, eventId) in _acknowledged)
        {
            if (!server.Rooms[room].Decided.ContainsKey(eventId))
                throw new SimulationFailure($"{eventId} in {room} was acknowledged by {server.Name}, and is not in its log");
        }
    }

    private async Task HearAsync()
    {
        foreach (var server in _servers)
        {
            await server.Decoded.CatchUpAsync();
            var facts = server.Decoded.Facts;
            for (var i = _factsHeard.GetValueOrDefault(server); i < facts.Count; i++)
            {
                var roomId = facts[i].Fact.RoomId;
                if (!_rooms.TryGetValue(roomId, out var room))
                    _rooms[roomId] = room = new SharedRoom(roomId, RoomVersionRules.Find(facts[i].Fact.RoomVersion)!);
                if (facts[i].Fact.Pdu.Utf8.Span.IndexOf("\"sha256\":\"\""u8) >= 0)
                    throw new SimulationFailure($"{server.Name} recorded a reference with an empty hash: {facts[i].Fact.Pdu}");
                room.Oracle.Hear(facts[i].Pdu);
                if (!server.Rooms.ContainsKey(roomId))
                    server.Rooms[roomId] = new RoomChecker(roomId, room.Oracle, server.Name);
            }
            _factsHeard[server] = facts.Count;
        }
        foreach (var server in _servers)
        {
            foreach (var (roomId, facts) in server.Decoded.RoomToFacts)
            {
                try
                {
                    await server.Rooms[roomId].CheckAsync(facts);
                }
                catch (SimulationFailure problem)
                {
                    throw new SimulationFailure($"on {server.Name}: {problem.Message}\n{Describe(facts, server.Rooms[roomId].Count)}");
                }
            }
        }
    }

    /// <summary>What a log says of a room, up to a fact.</summary>
    private static string Describe(List<SeenFact> facts, int upTo) => string.Join('\n', facts
        .Take(upTo + 1).TakeLast(25)
        .Select(seen => $"{seen.Revision} {seen.Fact.Disposition} {seen.Fact.EventId} {seen.Pdu.Type} {seen.Pdu.StateKey} of {seen.Pdu.Sender}"
            + $" on [{string.Join(", ", seen.Pdu.PrevEvents)}] heads [{string.Join(", ", seen.Fact.ForwardExtremities)}]"
            + $" by {seen.Fact.SendOn} {seen.Fact.Reason}"));
}
