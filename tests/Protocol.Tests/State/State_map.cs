using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.Tests.State;

public sealed class State_map
{
    private static readonly string[] Types = ["m.room.member", "m.room.name", "org.example.thing", "", "mé"];

    private static StateTuple Tuple(int number) => new(Types[number % Types.Length], $"@user{number}:example.org");

    private static EventId Id(int number) => EventId.Parse($"$event{number}");

    private static StateMap Build(int from, int to)
    {
        var entries = new List<StateEntry>();
        for (var number = from; number < to; number++)
            entries.Add(new(Tuple(number), Id(number)));
        return StateMap.FromEntries(entries);
    }

    private static async Task<Dictionary<StateTuple, EventId>> ReadAllAsync(StateMap map)
    {
        var all = new Dictionary<StateTuple, EventId>();
        await foreach (var entry in map.EntriesAsync())
            Assert.True(all.TryAdd(entry.Tuple, entry.EventId));
        return all;
    }

    private static async Task<Dictionary<StateTuple, (EventId?, EventId?)>> DiffAsync(StateMap before, StateMap after)
    {
        var all = new Dictionary<StateTuple, (EventId?, EventId?)>();
        await foreach (var difference in StateMap.DiffAsync(before, after))
            Assert.True(all.TryAdd(difference.Tuple, (difference.Before, difference.After)));
        return all;
    }

    [Fact]
    public async Task empty_map_has_a_root_that_loads_without_a_store()
    {
        var loaded = await StateMap.LoadAsync(StateMap.Empty.Root, new InMemoryStateNodes());
        Assert.Equal(0, loaded.Count);
        Assert.Empty(StateMap.Empty.NewNodesSince(StateMap.Empty));
        Assert.Null(await loaded.GetAsync(Tuple(1)));
    }

    /// <summary>The log holds roots: the encoding of nodes and the shape of the trie may never change.</summary>
    [Theory]
    [InlineData(0, "R9xUDJTOtwSiOHXBEnPha7C4qHrthN6RHyEzVoEV8lQ")]
    [InlineData(1, "j75uK3FZEk8kPUVs1imZPUSV-wgyrSXXj5dbSCaA0lQ")]
    [InlineData(16, "TWp3w8aDw2m7IHBztdLjwkDJ1YqijucgN5R6IPOllmE")]
    [InlineData(17, "WBbQy97vARawPuTm7H3sKLCkTWNdoXNGcd-tJlmjEB8")]
    [InlineData(1000, "QKPG5ch2ScsFpoxNvkYskUBnwk06Jn-CfIePVPWTTM4")]
    public void roots_are_those_of_the_first_release(int count, string root) =>
        Assert.Equal(root, Build(0, count).Root.ToString());

    [Fact]
    public async Task agrees_with_a_dictionary_under_random_changes() => await Seeds.ForEachAsync(async random =>
    {
        var model = new Dictionary<StateTuple, EventId>();
        var map = StateMap.Empty;
        var store = new InMemoryStateNodes();
        var range = random.Next(2, 400);
        var steps = random.Next(1, 400);
        var removals = random.Next(1, 10);
        for (var step = 0; step < steps; step++)
        {
            var tuple = Tuple(random.Next(range));
            var earlier = map;
            if (random.Next(10) < removals)
            {
                model.Remove(tuple);
                map = await map.RemoveAsync(tuple);
            }
            else
            {
                var id = Id(random.Next(5));
                model[tuple] = id;
                map = await map.SetAsync(tuple, id);
            }
            store.Store(map, earlier);
            if (random.Next(20) == 0)
                map = await StateMap.LoadAsync(map.Root, store);
            Assert.Equal(model.Count, map.Count);
        }
        Assert.Equal(model, await ReadAllAsync(map));
        foreach (var number in Enumerable.Range(0, range))
            Assert.Equal(model.TryGetValue(Tuple(number), out var id) ? id : null, await map.GetAsync(Tuple(number)));
        Assert.Equal(map.Root, StateMap.FromEntries(model.Select(pair => new StateEntry(pair.Key, pair.Value))).Root);
        Assert.Equal(model, await ReadAllAsync(await StateMap.LoadAsync(map.Root, store)));
    });

    [Fact]
    public async Task same_entries_have_one_root_whatever_the_history() => await Seeds.ForEachAsync(async random =>
    {
        var numbers = Enumerable.Range(0, random.Next(1, 120)).ToArray();
        var expected = Build(0, numbers.Length).Root;
        random.Shuffle(numbers);
        var map = StateMap.Empty;
        foreach (var number in numbers)
        {
            map = await map.SetAsync(Tuple(1000 + number), Id(1));
            map = await map.SetAsync(Tuple(number), Id(random.Next()));
            map = await map.SetAsync(Tuple(number), Id(number));
        }
        random.Shuffle(numbers);
        foreach (var number in numbers)
            map = await map.RemoveAsync(Tuple(1000 + number));
        Assert.Equal(expected, map.Root);
    });

    [Fact]
    public async Task difference_is_what_a_comparison_of_all_entries_gives() => await Seeds.ForEachAsync(async random =>
    {
        StateEntry[] RandomEntries() => [.. Enumerable.Range(0, random.Next(200))
            .Select(_ => new StateEntry(Tuple(random.Next(150)), Id(random.Next(3)))).DistinctBy(entry => entry.Tuple)];
        StateEntry[] first = RandomEntries(), second = RandomEntries();
        var before = first.ToDictionary(entry => entry.Tuple, entry => entry.EventId);
        var after = second.ToDictionary(entry => entry.Tuple, entry => entry.EventId);
        var expected = new Dictionary<StateTuple, (EventId?, EventId?)>();
        foreach (var tuple in before.Keys.Union(after.Keys))
        {
            EventId? old = before.TryGetValue(tuple, out var oldId) ? oldId : null;
            EventId? @new = after.TryGetValue(tuple, out var newId) ? newId : null;
            if (old != @new)
                expected[tuple] = (old, @new);
        }
        Assert.Equal(expected, await DiffAsync(StateMap.FromEntries(first), StateMap.FromEntries(second)));
        var store = new InMemoryStateNodes();
        store.Store(StateMap.FromEntries(first), StateMap.Empty);
        store.Store(StateMap.FromEntries(second), StateMap.Empty);
        var firstLoaded = await StateMap.LoadAsync(StateMap.FromEntries(first).Root, store);
        var secondLoaded = await StateMap.LoadAsync(StateMap.FromEntries(second).Root, store);
        Assert.Equal(expected, await DiffAsync(firstLoaded, secondLoaded));
    });

    [Fact]
    public async Task reads_only_the_path_that_it_needs()
    {
        var store = new InMemoryStateNodes();
        var map = Build(0, 20_000);
        store.Store(map, StateMap.Empty);
        var loaded = await StateMap.LoadAsync(map.Root, store);
        Assert.False(loaded.TryGet(Tuple(7), out _));
        Assert.Equal(Id(7), await loaded.GetAsync(Tuple(7)));
        Assert.InRange(store.Reads, 2, 6);
        var reads = store.Reads;
        Assert.True(loaded.TryGet(Tuple(7), out var id));
        Assert.Equal(Id(7), id);
        var changed = loaded.SetAsync(Tuple(7), Id(8));
        Assert.True(changed.IsCompletedSuccessfully);
        Assert.Equal(reads, store.Reads);
        Assert.InRange((await changed).NewNodesSince(loaded).Count, 2, 5);
    }

    [Fact]
    public async Task difference_of_large_maps_reads_what_differs()
    {
        var store = new InMemoryStateNodes();
        var map = Build(0, 20_000);
        var changed = map;
        for (var number = 0; number < 10; number++)
            changed = await changed.SetAsync(Tuple(number * 1000), Id(-1));
        store.Store(map, StateMap.Empty);
        store.Store(changed, map);
        var first = await StateMap.LoadAsync(map.Root, store);
        var second = await StateMap.LoadAsync(changed.Root, store);
        Assert.Equal(10, (await DiffAsync(first, second)).Count);
        Assert.InRange(store.Reads, 20, 100);
    }

    [Fact]
    public async Task entries_of_one_type_are_found_among_all()
    {
        var map = Build(0, 500);
        var found = new List<StateEntry>();
        await foreach (var entry in map.EntriesOfTypeAsync("m.room.name"))
            found.Add(entry);
        Assert.Equal(100, found.Count);
        Assert.All(found, entry => Assert.Equal("m.room.name", entry.Tuple.Type));
    }

    [Fact]
    public async Task type_and_state_key_are_not_confused()
    {
        var map = await StateMap.Empty.SetAsync(new("ab", "c"), Id(1));
        Assert.Null(await map.GetAsync(new("a", "bc")));
        map = await map.SetAsync(new("a", "bc"), Id(2));
        Assert.Equal(2, map.Count);
    }

    [Fact]
    public async Task setting_what_is_there_and_removing_what_is_not_changes_nothing()
    {
        var map = Build(0, 100);
        Assert.Same(map, await map.SetAsync(Tuple(5), Id(5)));
        Assert.Same(map, await map.RemoveAsync(Tuple(5000)));
        Assert.Empty(map.NewNodesSince(map));
    }

    [Fact]
    public async Task a_damaged_node_is_noticed()
    {
        var store = new InMemoryStateNodes();
        var map = Build(0, 3);
        store.Store(map, StateMap.Empty);
        store.Damage(map.Root);
        await Assert.ThrowsAsync<InvalidDataException>(async () => await StateMap.LoadAsync(map.Root, store));
    }

    [Fact]
    public async Task concurrent_readers_of_one_lazy_map_agree()
    {
        var store = new InMemoryStateNodes();
        var map = Build(0, 5000);
        store.Store(map, StateMap.Empty);
        using var locked = new Locked(store);
        var loaded = await StateMap.LoadAsync(map.Root, locked);
        await Parallel.ForEachAsync(Enumerable.Range(0, 5000), async (number, _) =>
            Assert.Equal(Id(number), await loaded.GetAsync(Tuple(number))));
        Assert.Equal(map.Root, loaded.Root);
    }

    [Fact]
    public async Task a_walk_asks_for_many_nodes_at_once()
    {
        var store = new InMemoryStateNodes();
        var map = Build(0, 5000);
        store.Store(map, StateMap.Empty);
        var loaded = await StateMap.LoadAsync(map.Root, store);
        var reads = store.Reads;

        Assert.Equal(5000, (await ReadAllAsync(loaded)).Count);

        Assert.Equal(reads, store.Reads);
        // The root's children, and under each a level of branches or leaves at a time.
        Assert.InRange(store.ReadsOfMany, 1 + 16, 1 + (16 * 3));
        var asked = store.ReadsOfMany;
        Assert.Equal(5000, (await ReadAllAsync(loaded)).Count);
        Assert.Equal(asked, store.ReadsOfMany);
    }

    private sealed class Locked(InMemoryStateNodes inner) : IStateNodeReader, IDisposable
    {
        private readonly SemaphoreSlim _gate = new(1);

        public void Dispose() => _gate.Dispose();

        public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash)
        {
            await _gate.WaitAsync();
            try
            {
                return await inner.ReadAsync(hash);
            }
            finally
            {
                _gate.Release();
            }
        }
    }
}
