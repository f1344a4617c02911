using BenchmarkDotNet.Attributes;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;
using Matrix.EventSourced.Protocol.Tests.EventAuth;

namespace Matrix.EventSourced.Benchmarks.Micro;

/// <summary>Two forks of a room of 100,000 members that differ in 100 entries: 90 new memberships, 9 bans, new power
/// levels.</summary>
public class StateResolutionBenchmarks
{
    private const int MemberCount = 100_000;
    private const string Creator = "@creator:one.example";

    private readonly Source _source = new();
    private RoomVersionRules _rules = null!;
    private Pdu _create = null!;
    private Pdu _levels = null!;
    private Pdu _rule = null!;
    private Pdu _creatorJoin = null!;
    private StateMap _first = StateMap.Empty;
    private StateMap _second = StateMap.Empty;
    private AuthGraph _graph = new();

    [Params("11", "12")]
    public string Version { get; set; } = "12";

    [GlobalSetup]
    public async Task SetUp()
    {
        _rules = RoomVersionRules.Find(Version)!;
        _create = PduMaker.Make(
            new("create", "m.room.create", "", Creator, "{}")
            {
                RoomId = _rules.RoomIdIsCreateHash ? null : RoomId.Parse("!room:" + PduMaker.Domain),
            },
            _rules);
        _source.Add(_create);
        _creatorJoin = Make("creator", "m.room.member", Creator, Creator, """{"membership":"join"}""", 1);
        _levels = Make("levels", "m.room.power_levels", "", Creator, Levels(50), 2, _creatorJoin);
        _rule = Make("rule", "m.room.join_rules", "", Creator, """{"join_rule":"public"}""", 3, _creatorJoin, _levels);
        var entries = new List<StateEntry>();
        foreach (var pdu in (Pdu[])[_create, _creatorJoin, _levels, _rule])
            entries.Add(new(pdu.StateTuple!.Value, pdu.EventId));
        for (var number = 0; number < MemberCount; number++)
        {
            var join = Make($"join{number}", "m.room.member", User(number), User(number), """{"membership":"join"}""",
                4, _levels, _rule);
            entries.Add(new(join.StateTuple!.Value, join.EventId));
        }
        var common = StateMap.FromEntries(entries);
        _first = common;
        _second = common;
        for (var number = 0; number < 90; number++)
            await ForkMemberAsync(number * 1_000, entries[number * 1_000 + 4].EventId);
        await ForkPowerAsync(entries);
        _ = _first.Root;
        _ = _second.Root;
        _graph = new();
        await StateResolver.ResolveAsync([_first, _second], _create, _source, _graph);
    }

    [Benchmark]
    public async Task<StateRoot> ResolveForTheFirstTime() =>
        (await StateResolver.ResolveAsync([_first, _second], _create, _source)).Root;

    [Benchmark]
    public async Task<StateRoot> ResolveWithTheAuthGraphKept() =>
        (await StateResolver.ResolveAsync([_first, _second], _create, _source, _graph)).Root;

    private static string User(int number) => $"@user{number}:two.example";

    private string Levels(int ban) => _rules.CreatorsHaveInfinitePower
        ? $$"""{"ban":{{ban}}}"""
        : $$$"""{"ban":{{{ban}}},"users":{"{{{Creator}}}":100}}""";

    /// <summary>A member who leaves on the one side and sets a new name on the other.</summary>
    private async Task ForkMemberAsync(int number, EventId joined)
    {
        var user = User(number);
        var join = _source[joined];
        var leave =
            Make($"leave{number}", "m.room.member", user, user, """{"membership":"leave"}""", 10, _levels, join);
        var rename = Make(
            $"rename{number}", "m.room.member", user, user, """{"displayname":"x","membership":"join"}""", 11, _levels,
                _rule, join);
        _first = await _first.SetAsync(leave.StateTuple!.Value, leave.EventId);
        _second = await _second.SetAsync(rename.StateTuple!.Value, rename.EventId);
    }

    private async Task ForkPowerAsync(List<StateEntry> entries)
    {
        var levels = Make("levels2", "m.room.power_levels", "", Creator, Levels(60), 12, _creatorJoin, _levels);
        _first = await _first.SetAsync(levels.StateTuple!.Value, levels.EventId);
        for (var number = 0; number < 9; number++)
        {
            var position = 95_000 + number;
            var target = User(position);
            var joined = _source[entries[position + 4].EventId];
            var ban = Make($"ban{number}", "m.room.member", target, Creator, """{"membership":"ban"}""", 13,
                _creatorJoin, _levels, joined);
            _second = await _second.SetAsync(ban.StateTuple!.Value, ban.EventId);
        }
    }

    private Pdu Make(string name, string type, string stateKey, string sender, string content, long ts,
        params Pdu[] authEvents)
    {
        var ids = authEvents.Select(pdu => pdu.EventId);
        var pdu = PduMaker.Make(
            new(name, type, stateKey, sender, content)
            {
                RoomId = _create.RoomId,
                AuthEvents = _rules.CreateIsInAuthEvents ? [_create.EventId, .. ids] : [.. ids],
                OriginServerTs = ts,
            },
            _rules);
        _source.Add(pdu);
        return pdu;
    }

    private sealed class Source : IPduSource
    {
        private readonly Dictionary<EventId, Pdu> _eventIdToPdu = [];
        private readonly Dictionary<EventId, List<StateEntry>> _eventIdToCiting = [];

        public Pdu this[EventId eventId] => _eventIdToPdu[eventId];

        public void Add(Pdu pdu)
        {
            _eventIdToPdu.Add(pdu.EventId, pdu);
            foreach (var authEvent in pdu.AuthEvents)
            {
                if (!_eventIdToCiting.TryGetValue(authEvent, out var citing))
                    _eventIdToCiting[authEvent] = citing = [];
                citing.Add(new(pdu.StateTuple!.Value, pdu.EventId));
            }
        }

        public ValueTask<IReadOnlyList<KnownPdu?>> GetAsync(IReadOnlyList<EventId> eventIds) =>
            new([.. eventIds.Select(eventId => (KnownPdu?)new KnownPdu(_eventIdToPdu[eventId], false))]);

        public async IAsyncEnumerable<StateEntry> CitedByAsync(EventId eventId)
        {
            await ValueTask.CompletedTask;
            foreach (var citing in _eventIdToCiting.GetValueOrDefault(eventId, []))
                yield return citing;
        }
    }
}
