using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>A server that keeps to the rules: what it has on disk, and the process that runs now, if any.</summary>
internal sealed class SimulatedServer : INetworkNode
{
    private readonly World _world;
    private readonly SimulatedNetwork _network;
    private readonly InMemoryEventStore _log;
    private readonly ServerTables _tables;
    private readonly long _skewMs;
    private readonly bool _hasEdus;
    private readonly List<VerifyKey> _retired = [];
    private readonly Dictionary<string, long> _destinationToDelivered = new(StringComparer.Ordinal);
    private ServerSigningKey _key;
    private LogPosition _deliveriesRead = LogPosition.Start;
    private Task? _starting;
    private int _processes;
    private int _keys;

    /// <param name="world">All that the servers share.</param>
    /// <param name="network">What lies between them.</param>
    /// <param name="name">Its name.</param>
    /// <param name="skewMs">How wrong its clock is.</param>
    /// <param name="hasEdus">Whether it knows EDUs, and its users have devices.</param>
    public SimulatedServer(World world, SimulatedNetwork network, string name, long skewMs, bool hasEdus)
    {
        (_world, _network, _skewMs, _hasEdus) = (world, network, skewMs, hasEdus);
        Name = ServerName.Parse(name);
        Users = [UserId.Parse($"@ann:{name}"), UserId.Parse($"@bob:{name}")];
        var clock = new SimulatedClock(world, skewMs, static () => true);
        _log = new InMemoryEventStore(clock);
        _tables = new ServerTables(Name, _log);
        Decoded = new DecodedLog(_log);
        Watch = new EduWatch(Name, _log);
        _key = MakeKey();
        network.Add(this);
    }

    public ServerName Name { get; }

    public IReadOnlyList<UserId> Users { get; }

    /// <summary>What its log says of rooms.</summary>
    public DecodedLog Decoded { get; }

    /// <summary>What it may tell whom by EDUs.</summary>
    public EduWatch Watch { get; }

    /// <summary>The devices that each of its users has.</summary>
    public static IReadOnlyList<string> Devices { get; } = ["DEVICE", "OTHER"];

    /// <summary>Null while it is down.</summary>
    public ServerProcess? Process { get; private set; }

    public List<ServerProcess> Processes { get; } = [];

    public object? Listener => Process;

    public Dictionary<RoomId, RoomChecker> Rooms { get; } = [];

    public int Crashes { get; private set; }

    public int KeyRotations => _keys - 1;

    public ServerTables Tables => _tables;

    /// <summary>PDUs of transactions that it said it took.</summary>
    public List<(ServerName From, EventId EventId)> Promised { get; } = [];

    public async Task<WireAnswer> AnswerAsync(WireRequest request)
    {
        var process = Process!;
        var answer = await process.AnswerAsync(request);
        if (answer.Status == 500 && !process.IsDead)
            throw new SimulationFailure($"{Name} answered 500 to {request.Method} {request.Uri}: {process.Problems.Problems.LastOrDefault()}");
        if (request.IsTransaction && answer.Status == 200)
        {
            foreach (var pdu in JsonElement.Parse(answer.Body.Span).GetProperty("pdus").EnumerateObject())
            {
                if (!pdu.Value.TryGetProperty("error", out _))
                    Promised.Add((request.Origin, EventId.Parse(pdu.Name)));
            }
        }
        return answer;
    }

    public byte[] KeyDocument(long validUntilMs) => SimulatedNotary.SignedDocument(Name, _key, _retired, validUntilMs);

    /// <summary>Starts a process unless there is one: its projections catch up before anybody is served.</summary>
    public Task StartAsync() => Process is not null ? Task.CompletedTask
        : _starting is { IsCompleted: false } starting ? starting
        : _starting = StartProcessAsync();

    private async Task StartProcessAsync()
    {
        if (_processes > 0 && _world.Chance(25))
            RotateKey();
        if (_processes == 0 && _hasEdus)
            await MakeDevicesAsync();
        var process = new ServerProcess(
            _world, _network, _log, _tables, new ServerIdentity(Name, _key), new RetiredKeys([.. _retired]), _skewMs, ++_processes)
        {
            HasEdus = _hasEdus,
        };
        var head = await _tables.ReadHeadAsync();
        if (_processes > 1 && _world.Chance(30))
            _tables.RebuildRooms(_world.Random);
        else
            _tables.ApplyRooms(head);
        if (_processes > 1 && _world.Chance(30))
            _tables.RebuildDeliveries(_world.Random);
        else
            _tables.ApplyDeliveries(head);
        if (_hasEdus && _processes > 1 && _world.Chance(30))
            _tables.RebuildEdus();
        Processes.Add(process);
        await process.StartAsync();
        Process = process;
        _world.Say($"{Name} starts, process {_processes}, key {_key.KeyId}");
    }

    /// <summary>The process ends wherever it is.</summary>
    public void Crash()
    {
        if (Process is not { } process)
            return;
        process.IsDead = true;
        Process = null;
        Crashes++;
        _world.Say($"{Name} dies");
    }

    /// <summary>Delivery facts only go on; a room worker's health, its log of problems, and what has bounds.</summary>
    public async Task CheckAsync()
    {
        await foreach (var record in _log.ReadAllAsync(_deliveriesRead, ReadDirection.Forwards, long.MaxValue))
        {
            _deliveriesRead = record.Position;
            var (destination, upTo) = FactCodec.Decode(record.Type, record.Data) switch
            {
                TransactionDelivered fact => (fact.Destination.Value, fact.UpTo),
                DeliveryFailed fact => (fact.Destination.Value, fact.DeliveredUpTo),
                _ => (string.Empty, 0L),
            };
            if (destination.Length == 0)
                continue;
            var before = _destinationToDelivered.GetValueOrDefault(destination);
            if (upTo < before)
                throw new SimulationFailure($"{Name} says {destination} took all up to {upTo} after it said {before}");
            _destinationToDelivered[destination] = upTo;
        }
        foreach (var process in Processes)
        {
            if (process.Problems.Problems is [var problem, ..])
                throw new SimulationFailure($"{Name} met what no fault explains: {problem}");
            if (process.Health.Quarantined is [var (roomId, reason), ..])
                throw new SimulationFailure($"{roomId} is in quarantine on {Name}: {reason}");
            if (process.ActiveRooms > Protocol.Limits.RoomsActiveMax)
                throw new SimulationFailure($"{Name} has {process.ActiveRooms} rooms at work");
        }
        Processes.RemoveAll(process => process.IsDead);
    }

    private async Task MakeDevicesAsync()
    {
        var nowMs = SimulatedClock.EpochMs + _world.NowMs + _skewMs;
        foreach (var user in Users)
        {
            foreach (var device in Devices)
            {
                var id = new byte[16];
                _world.Random.NextBytes(id);
                var metadata = FactAppender.EncodeMetadata(new CommandContext(new FactActor(User: user.Value), nowMs, "device"));
                await _log.AppendAsync(
                    new StreamName(StreamCategories.User, user.Value),
                    ExpectedRevision.Any,
                    [FactAppender.Encode(new DeviceCreated(user, device, null), metadata, new Guid(id))]);
            }
        }
    }

    private void RotateKey()
    {
        var expiredTs = SimulatedClock.EpochMs + _world.NowMs + _skewMs;
        Span<byte> publicKey = stackalloc byte[32];
        Protocol.Json.UnpaddedBase64.TryDecodeExact(_key.PublicKeyBase64, publicKey);
        _retired.Add(new VerifyKey(_key.KeyId, publicKey.ToArray(), expiredTs));
        _key = MakeKey();
    }

    private ServerSigningKey MakeKey()
    {
        var seed = new byte[32];
        _world.Random.NextBytes(seed);
        return ServerSigningKey.FromSeed(KeyId.Parse($"ed25519:{Name}_{++_keys}".Replace(".", "_", StringComparison.Ordinal)), seed);
    }
}
