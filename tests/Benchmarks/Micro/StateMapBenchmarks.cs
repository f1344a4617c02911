using BenchmarkDotNet.Attributes;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Benchmarks.Micro;

/// <summary>A state of 100,000 members: build it, change one entry, find ten differences.</summary>
public class StateMapBenchmarks
{
    private const int EntryCount = 100_000;

    private readonly StateEntry[] _entries = new StateEntry[EntryCount];
    private StateMap _map = StateMap.Empty;
    private StateMap _changed = StateMap.Empty;
    private int _next;

    private static EventId Id(int number) => EventId.Parse($"$cD66HAED5npg6074c6pDtLKalHjVfYb2q4Q3{number:D7}");

    [GlobalSetup]
    public async Task SetUp()
    {
        for (var number = 0; number < EntryCount; number++)
            _entries[number] = new(new("m.room.member", $"@user{number}:example.org"), Id(number));
        _map = StateMap.FromEntries(_entries);
        _ = _map.Root;
        _changed = _map;
        for (var number = 0; number < 10; number++)
            _changed = await _changed.SetAsync(_entries[number * 9_999].Tuple, Id(number + EntryCount));
        _ = _changed.Root;
    }

    [Benchmark]
    public StateRoot Build() => StateMap.FromEntries(_entries).Root;

    [Benchmark]
    public async Task<StateRoot> UpdateOne()
    {
        _next = (_next + 7_919) % EntryCount;
        return (await _map.SetAsync(_entries[_next].Tuple, Id(_next + EntryCount))).Root;
    }

    [Benchmark]
    public async Task<int> UpdateOneAndListNewNodes()
    {
        _next = (_next + 7_919) % EntryCount;
        return (await _map.SetAsync(_entries[_next].Tuple, Id(_next + EntryCount))).NewNodesSince(_map).Count;
    }

    [Benchmark]
    public bool GetOne()
    {
        _next = (_next + 7_919) % EntryCount;
        return _map.TryGet(_entries[_next].Tuple, out _);
    }

    [Benchmark]
    public async Task<int> DifferenceOfTen()
    {
        var count = 0;
        await foreach (var _ in StateMap.DiffAsync(_map, _changed))
            count++;
        return count;
    }
}
