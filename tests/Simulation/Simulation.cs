using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Tests.Roomserver;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>What happened in a run. Log: the event ids in the order of the log.</summary>
internal sealed record SimulationResult(int Facts, int Acknowledged, int Faults, int Crashes, string Log)
{
    public Dictionary<PduDisposition, int> Dispositions { get; init; } = [];
}

/// <summary>One run: rounds of things that happen at once, a look at everything after each.</summary>
/// <remarks>
/// <code>
///   seed ─► rooms, clients, another server ─► round: some acts at once, some of them fail ─► check ─► next round
///                                                                └► crash, second writer, late projection
/// </code>
/// </remarks>
internal sealed class Simulation
{
    private const int RoomsMax = 3;
    private const int Rounds = 28;
    private const int ActsPerRoundMax = 5;

    private readonly int _seed;
    private readonly Random _random;
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000));
    private readonly MemoryStateNodes _nodes = new();
    private readonly InMemoryEventStore _store;
    private readonly DecodedLog _decoded;
    private readonly RemoteServer _remote;
    private readonly List<ServerProcess> _processes = [];
    private readonly List<SimulatedRoom> _rooms = [];
    private readonly List<(SimulatedRoom Room, EventId EventId)> _acknowledged = [];
    private readonly Dictionary<string, EventId> _answers = new(StringComparer.Ordinal);
    private readonly List<ClientRequest> _requests = [];
    private int _made;
    private int _crashes;

    private Simulation(int seed)
    {
        _seed = seed;
        _random = new Random(seed);
        _store = new InMemoryEventStore(_clock);
        _decoded = new DecodedLog(_store);
        _remote = new RemoteServer(_random);
    }

    /// <summary>A request with a transaction id, as its client repeats it.</summary>
    private sealed record ClientRequest(SimulatedRoom Room, UserId Sender, EventId? Redacts, string Transaction)
    {
        public string Content => $$"""{"msgtype":"m.text","body":"{{Transaction}}"}""";
    }

    /// <summary>Runs a seed; a failure names it.</summary>
    public static SimulationResult Run(int seed)
    {
        var simulation = new Simulation(seed);
        try
        {
            new DeterministicPump(simulation._random).Run(simulation.RunAsync);
        }
        catch (Exception problem)
        {
            var living = simulation._processes.Count(process => !process.Log.IsDead);
            throw new SimulationFailure(
                $"seed {seed} failed ({living} processes, {simulation._crashes} crashes; ./dev sim {seed}): {problem}");
        }
        return simulation.Summarise();
    }

    private SimulationResult Summarise() => new(
        _decoded.Facts.Count, _acknowledged.Count, _processes.Sum(process => process.Log.Failures), _crashes, Digest())
    {
        Dispositions = _decoded.Facts.GroupBy(seen => seen.Fact.Disposition)
            .ToDictionary(group => group.Key, group => group.Count()),
    };

    /// <summary>The order of everything in the log.</summary>
    private string Digest() => string.Join('\n', _decoded.Facts.Select(seen => seen.Fact.EventId));

    private async Task RunAsync()
    {
        var isTwo = _random.Next(3) == 0;
        var faults = _random.Next(3);
        StartProcess();
        if (isTwo)
            StartProcess();
        while (_rooms.Count < RoomsMax)
            await CreateRoomAsync();
        for (var round = 0; round < Rounds; round++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1 + _random.Next(500)));
            if (faults > 0 && _random.Next(3) == 0)
                Living().Log.FailLater(1 + _random.Next(6), _random.Next(2) == 0);
            var acts = new List<Task>();
            for (var i = 1 + _random.Next(ActsPerRoundMax); i > 0; i--)
                acts.Add(TryActAsync());
            if (faults > 1 && _random.Next(6) == 0)
                acts.Add(CrashAsync());
            await Task.WhenAll(acts);
            await CheckAsync();
        }
        await EndAsync();
    }

    private ServerProcess StartProcess()
    {
        var process = new ServerProcess(_store, _decoded, _nodes, _clock, _random, (_seed * 1_000) + _made++);
        _processes.Add(process);
        return process;
    }

    private ServerProcess Living()
    {
        var living = _processes.Where(process => !process.Log.IsDead).ToList();
        return living[_random.Next(living.Count)];
    }

    /// <summary>A process ends in the middle of what it does, and another one takes its place.</summary>
    private async Task CrashAsync()
    {
        for (var turns = _random.Next(40); turns > 0; turns--)
            await Task.Yield();
        Living().Log.IsDead = true;
        _crashes++;
        StartProcess();
    }

    private async Task CreateRoomAsync()
    {
        var versions = RoomVersionRules.All;
        var rules = versions[(_seed + (_rooms.Count * 5)) % versions.Count];
        var preset = _random.Next(4) == 0 ? RoomPreset.PrivateChat : RoomPreset.PublicChat;
        var roomId = Done(await Living().CreateAsync(SimulatedRoom.Locals[_random.Next(2)], rules.Version, preset));
        var room = new SimulatedRoom(roomId, rules);
        _rooms.Add(room);
        await CheckAsync();
    }

    /// <summary>A client whose server dies gets no answer at all.</summary>
    private async Task TryActAsync()
    {
        try
        {
            await ActAsync();
        }
        catch (EventStoreException)
        {
            Invariant.Holds(_crashes > 0, "only a dead process lets an exception through");
        }
    }

    private Task ActAsync()
    {
        var room = _rooms[_random.Next(_rooms.Count)];
        var sender = DrawUser();
        var other = DrawUser();
        var process = Living();
        return _random.Next(24) switch
        {
            <= 3 => RequestAsync(process, NewRequest(room, sender, null)),
            4 or 5 when _requests.Count > 0 => RequestAsync(process, _requests[_random.Next(_requests.Count)]),
            6 => TakeAsync(room, process.SendAsync(room.RoomId, sender, """{"msgtype":"m.text","body":"plain"}""", null)),
            7 => process.JoinAsync(room.RoomId, sender),
            8 => process.JoinAsync(room.RoomId, other),
            9 => process.LeaveAsync(room.RoomId, sender),
            10 => process.InviteAsync(room.RoomId, sender, other),
            11 => process.KickAsync(room.RoomId, sender, _random.Next(2) == 0 ? Remote() : other),
            12 => process.BanAsync(room.RoomId, sender, _random.Next(2) == 0 ? Remote() : other),
            13 => process.UnbanAsync(room.RoomId, sender, _random.Next(2) == 0 ? Remote() : other),
            14 => TakeAsync(room, process.SetStateAsync(
                room.RoomId, sender, EventTypes.Topic, "", $$"""{"topic":"{{_random.Next(50)}}"}""")),
            15 => TakeAsync(room, process.SetStateAsync(
                room.RoomId, sender, EventTypes.PowerLevels, "", SimulatedRoom.DrawPowerLevels(
                    room.Oracle.Get(room.Checker.Current, AuthTuples.PowerLevels), room.Rules, _random))),
            16 when DrawMessage(room) is { } target => RequestAsync(process, NewRequest(room, sender, target)),
            17 => TakeAsync(room, process.SetStateAsync(
                room.RoomId, sender, EventTypes.JoinRules, "",
                _random.Next(2) == 0 ? """{"join_rule":"public"}""" : """{"join_rule":"invite"}""")),
            _ => FederateAsync(process, room),
        };
    }

    private ClientRequest NewRequest(SimulatedRoom room, UserId sender, EventId? redacts)
    {
        var request = new ClientRequest(room, sender, redacts, $"txn{_requests.Count}");
        _requests.Add(request);
        return request;
    }

    private async Task RequestAsync(ServerProcess process, ClientRequest request)
    {
        var answer = request.Redacts is { } target
            ? await process.RedactAsync(request.Room.RoomId, request.Sender, target, request.Transaction)
            : await process.SendAsync(request.Room.RoomId, request.Sender, request.Content, request.Transaction);
        if (answer is not CommandResult<EventId>.Done done)
        {
            CheckRefusal(process, ((CommandResult<EventId>.Refused)answer).Error);
            return;
        }
        if (_answers.TryGetValue(request.Transaction, out var first) && first != done.Value)
            throw new SimulationFailure($"{request.Transaction} was answered {first}, and then {done.Value}");
        _answers[request.Transaction] = done.Value;
        _acknowledged.Add((request.Room, done.Value));
    }

    private async Task TakeAsync(SimulatedRoom room, Task<CommandResult<EventId>> sent)
    {
        if (await sent is CommandResult<EventId>.Done done)
            _acknowledged.Add((room, done.Value));
    }

    /// <summary>The other server makes some PDUs, and sends some of what we do not have, in whatever order.</summary>
    private async Task FederateAsync(ServerProcess process, SimulatedRoom room)
    {
        for (var i = _random.Next(6); i > 0; i--)
        {
            if (await _remote.MakeAsync(room, _clock.GetUtcNow().ToUnixTimeMilliseconds()) is { } pdu)
                room.Undelivered.Add(pdu);
        }
        var batch = room.Undelivered.Where(_ => _random.Next(3) > 0).ToList();
        if (_random.Next(3) == 0)
            Shuffle(batch);
        var decided = room.Checker.Decided.Keys.ToList();
        if (_random.Next(3) == 0 && decided.Count > 0)
            batch.Add(room.Oracle[decided[_random.Next(decided.Count)]].Pdu);
        if (_random.Next(4) == 0 && batch.Count > 0)
            batch.Add(batch[_random.Next(batch.Count)]);
        await DeliverAsync(process, room, [.. batch.Select(pdu => Wrap(room, pdu))]);
    }

    /// <summary>As it comes by itself; or, where something before it is missing, with the state that its server
    /// says.</summary>
    private ReceivedPdu Wrap(SimulatedRoom room, Pdu pdu)
    {
        var one = room.Oracle[pdu.EventId];
        if (one.Rejected is null && !room.Checker.IsHere(pdu.EventId) && _random.Next(12) == 0)
            return new ReceivedPdu(pdu, ReceivedAs.Outlier);
        var isGap = pdu.PrevEvents.Any(id => !room.Checker.Decided.ContainsKey(id));
        return isGap && _random.Next(2) == 0
            && one.StateBefore.Values.All(room.Checker.IsHere)
            ? new ReceivedPdu(pdu) { StateBefore = [.. one.StateBefore.Values] }
            : new ReceivedPdu(pdu);
    }

    private async Task DeliverAsync(ServerProcess process, SimulatedRoom room, List<ReceivedPdu> pdus)
    {
        if (pdus.Count == 0)
            return;
        var answer = await process.Rooms.ReceiveAsync(
            room.RoomId, new ReceivePdus(process.ContextOf(SimulatedRoom.Locals[0]), pdus));
        if (answer is InputAnswer.Refused refused)
        {
            CheckRefusal(process, refused.Error);
            return;
        }
        var outcomes = ((InputAnswer.Done)answer).Outcomes;
        for (var i = 0; i < pdus.Count; i++)
        {
            if (outcomes[i] is InputOutcome.Missing || pdus[i].As == ReceivedAs.Outlier)
                continue;
            room.Undelivered.Remove(pdus[i].Pdu);
            _acknowledged.Add((room, pdus[i].Pdu.EventId));
        }
    }

    /// <summary>Faults are over: what was not answered is asked again, and every room still works.</summary>
    private async Task EndAsync()
    {
        foreach (var process in _processes)
            process.Log.FailNoMore();
        foreach (var room in _rooms)
        {
            var inOrder = AuthOrder.SortByPrevEvents(room.Undelivered);
            await DeliverAsync(Living(), room, [.. inOrder.Select(pdu => new ReceivedPdu(pdu))]);
            if (room.Undelivered.Count > 0)
                throw new SimulationFailure($"{room.RoomId} does not take {room.Undelivered[0]} at the end");
        }
        foreach (var request in _requests)
            await RequestAsync(Living(), request);
        await CheckAsync();
        foreach (var room in _rooms)
        {
            var member = SimulatedRoom.Locals.FirstOrDefault(user =>
                room.Oracle.Get(room.Checker.Current, AuthTuples.Member(user.Value))?.Membership == "join");
            if (member != default)
                await TakeAsync(room, Living().SendAsync(room.RoomId, member, """{"msgtype":"m.text","body":"end"}""", null));
        }
        await CheckAsync();
    }

    private async Task CheckAsync()
    {
        await _decoded.CatchUpAsync();
        foreach (var room in _rooms)
            await room.Checker.CheckAsync(_decoded.RoomToFacts[room.RoomId]);
        foreach (var (room, eventId) in _acknowledged)
        {
            if (!room.Checker.Decided.ContainsKey(eventId))
                throw new SimulationFailure($"{eventId} in {room.RoomId} was acknowledged, and is not in the log");
        }
        foreach (var process in _processes)
        {
            if (process.Health.Quarantined is [var (roomId, reason), ..])
                throw new SimulationFailure($"{roomId} is in quarantine: {reason}");
            if (process.Problems.Problems is [var problem, ..])
                throw new SimulationFailure($"a process met {problem}");
        }
    }

    private static void CheckRefusal(ServerProcess process, MatrixError error)
    {
        if (error.Status == 500)
            throw new SimulationFailure($"a request was answered {error}");
        if (error.Status == 503 && process.Log is { IsDead: false, Failures: 0 } && error.Detail != "conflicts")
            throw new SimulationFailure($"a request was answered {error} where nothing had failed");
    }

    private UserId DrawUser() => SimulatedRoom.Locals[_random.Next(SimulatedRoom.Locals.Length)];

    private UserId Remote() => UserId.Parse(_random.Next(2) == 0 ? "@rita:remote" : "@rolf:remote");

    private EventId? DrawMessage(SimulatedRoom room)
    {
        var messages = room.Oracle.All
            .Where(one => one.Pdu.Type == "m.room.message" && room.Checker.Decided.ContainsKey(one.Pdu.EventId))
            .ToList();
        return messages.Count == 0 ? null : messages[_random.Next(messages.Count)].Pdu.EventId;
    }

    private void Shuffle(List<Pdu> pdus)
    {
        for (var i = pdus.Count - 1; i > 0; i--)
        {
            var j = _random.Next(i + 1);
            (pdus[i], pdus[j]) = (pdus[j], pdus[i]);
        }
    }

    private static RoomId Done(CommandResult<RoomId> result) => result is CommandResult<RoomId>.Done done
        ? done.Value
        : throw new SimulationFailure($"a room was refused: {result}");
}
