using BenchmarkDotNet.Attributes;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.Tests.EventAuth;

namespace Matrix.EventSourced.Benchmarks.Micro;

/// <summary>May a member send a message? With power levels that name 50 users and 20 event types.</summary>
public class AuthorisationBenchmarks
{
    private const string Alice = "@alice:one.example";

    private readonly RoomVersionRules _rules = RoomVersionRules.Find(RoomVersionRules.DefaultVersion)!;
    private Pdu _create = null!;
    private Pdu _message = null!;
    private State _state = null!;
    private CachingState _caching = null!;

    [GlobalSetup]
    public void SetUp()
    {
        _create = PduMaker.Make(new("create", "m.room.create", "", "@creator:one.example", "{}"), _rules);
        var users = string.Join(',', Enumerable.Range(0, 50).Select(number => $"\"@user{number}:one.example\":50"));
        var events = string.Join(',', Enumerable.Range(0, 20).Select(number => $"\"org.example.type{number}\":50"));
        _state = new State(new()
        {
            [new("m.room.power_levels", "")] =
                Make("levels", "m.room.power_levels", "", $$$"""{"events":{{{{events}}}},"users":{{{{users}}}}}"""),
            [new("m.room.member", Alice)] = Make("join", "m.room.member", Alice, """{"membership":"join"}"""),
        });
        _caching = new CachingState(_state, _create);
        _message = Make("message", "m.room.message", null, """{"body":"Good morning","msgtype":"m.text"}""");
        if (!EventAuthorisation.Check(_message, _state, _create).IsAllowed)
            throw new InvalidOperationException("The message should be allowed.");
    }

    [Benchmark]
    public bool MessageWithPowerLevelsParsed() => EventAuthorisation.Check(_message, _caching, _create).IsAllowed;

    [Benchmark]
    public bool MessageWithPowerLevelsUnparsed() => EventAuthorisation.Check(_message, _state, _create).IsAllowed;

    private Pdu Make(string name, string type, string? stateKey, string content) =>
        PduMaker.Make(new(name, type, stateKey, Alice, content) { RoomId = _create.RoomId }, _rules);

    private sealed class State(Dictionary<StateTuple, Pdu> tupleToPdu) : IAuthState
    {
        public Pdu? Get(StateTuple tuple) => tupleToPdu.GetValueOrDefault(tuple);
    }

    /// <summary>What a room's worker does: the power levels are parsed when they change.</summary>
    private sealed class CachingState(IAuthState inner, Pdu create) : IAuthState
    {
        private readonly PowerLevels _levels = inner.GetPowerLevels(create);

        public Pdu? Get(StateTuple tuple) => inner.Get(tuple);

        public PowerLevels GetPowerLevels(Pdu create) => _levels;
    }
}
