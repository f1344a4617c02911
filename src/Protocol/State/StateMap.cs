using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>A room's state: a persistent map from (type, state_key) to event id whose root hash is the state's
/// id.</summary>
/// <remarks>
/// <code>
///                branch (root)                 path = nibbles of SHA-256(type, state_key)
///              /    |         \                a change copies the nodes on one path; all others are shared
///          leaf   branch      (not loaded: known by its hash, read on demand)
///                 /    \
///             leaf      leaf                   leaf = up to 16 entries in their stored form
/// </code>
/// Shape: the set of entries alone decides the nodes, whatever the order of the changes that led to it, so equal roots
/// mean equal states. The stored encoding is described in TrieNodeCodec.cs and never changes: the log holds roots of
/// it.
/// Ensures: immutable; safe for concurrent readers; an operation that needs no unloaded node completes synchronously.
/// Errors: throws only when the reader does, or when a stored node is damaged.
/// Cost: O(log n) nodes to get, set, remove; a difference costs what differs; the root is hashed when it is asked for.
/// </remarks>
public sealed class StateMap
{
    private readonly TrieNode _root;

    private StateMap(TrieNode root) => _root = root;

    public static StateMap Empty { get; } = new(LeafNode.Empty);

    /// <summary>The id of this state.</summary>
    public StateRoot Root => _root.Hash;

    public int Count => TrieEditor.CountOf(_root);

    /// <summary>The map of a stored root. Reads the root's node only.</summary>
    public static ValueTask<StateMap> LoadAsync(StateRoot root, IStateNodeReader reader) =>
        root == Empty.Root ? new(Empty) : LoadStoredAsync(root, reader);

    /// <summary>A map of many entries at once; of several for one tuple the last one counts.</summary>
    public static StateMap FromEntries(IEnumerable<StateEntry> entries) => new(TrieBuilder.Build(entries));

    /// <summary>What differs between two maps, in the order of the trie. Cost: what differs.</summary>
    public static IAsyncEnumerable<StateDifference> DiffAsync(StateMap before, StateMap after) =>
        StateMapDiff.DiffAsync(before._root, after._root);

    /// <summary>False when the answer needs a node that is not loaded; then <see cref="GetAsync"/> loads it.</summary>
    public bool TryGet(StateTuple tuple, out EventId? eventId) => TryFind(new TrieKey(tuple), out eventId);

    public ValueTask<EventId?> GetAsync(StateTuple tuple)
    {
        var key = new TrieKey(tuple);
        return TryFind(key, out var eventId) ? new(eventId) : FindAsync(key);
    }

    /// <summary>The map with this entry set; itself when it holds that already.</summary>
    public ValueTask<StateMap> SetAsync(StateTuple tuple, EventId eventId)
    {
        var key = new TrieKey(tuple);
        return IsPathLoaded(key, false) ? new(Set(key, eventId)) : SetUnloadedAsync(key, eventId);
    }

    /// <summary>The map without this tuple; itself when it has none.</summary>
    public ValueTask<StateMap> RemoveAsync(StateTuple tuple)
    {
        var key = new TrieKey(tuple);
        return IsPathLoaded(key, true) ? new(Remove(key)) : RemoveUnloadedAsync(key);
    }

    /// <summary>Every entry, in the order of the trie (the same for equal maps, meaningless otherwise).</summary>
    public IAsyncEnumerable<StateEntry> EntriesAsync() => WalkAsync(null);

    /// <summary>Every entry of one event type. Cost: walks the whole map, but makes strings only of what it
    /// finds.</summary>
    public IAsyncEnumerable<StateEntry> EntriesOfTypeAsync(string type) => WalkAsync(Encoding.UTF8.GetBytes(type));

    /// <summary>The nodes to store so that this map can be loaded, given that all of an earlier one are stored;
    /// children come first.</summary>
    public IReadOnlyList<StateNode> NewNodesSince(StateMap earlier)
    {
        var nodes = new List<StateNode>();
        if (_root != LeafNode.Empty)
            CollectNew(_root, earlier._root, nodes);
        return nodes;
    }

    private static void CollectNew(TrieNode node, TrieNode? earlier, List<StateNode> nodes)
    {
        if (node.IsStored || (earlier is not null && TrieNode.AreSame(node, earlier)))
            return;
        if (node is BranchNode branch)
        {
            var earlierBranch = earlier as BranchNode;
            for (var index = 0; index < 16; index++)
            {
                if (branch[index] is { } child)
                    CollectNew(child, earlierBranch?[index], nodes);
            }
        }
        nodes.Add(new(node.Hash, node.Encode()));
    }

    private static async ValueTask<StateMap> LoadStoredAsync(StateRoot root, IStateNodeReader reader) =>
        new(TrieNodeCodec.Decode(await reader.ReadAsync(root), root, reader));

    private bool TryFind(TrieKey key, out EventId? eventId)
    {
        var node = _root;
        for (var depth = 0; node is BranchNode branch; depth++)
            node = branch[key.NibbleAt(depth)];
        eventId = (node as LeafNode)?.Find(key);
        return node is not UnloadedNode;
    }

    private async ValueTask<EventId?> FindAsync(TrieKey key)
    {
        await LoadPathAsync(key, false);
        TryFind(key, out var eventId);
        return eventId;
    }

    private StateMap Set(TrieKey key, EventId eventId) => With(TrieEditor.Set(_root, key, eventId, 0));

    private async ValueTask<StateMap> SetUnloadedAsync(TrieKey key, EventId eventId)
    {
        await LoadPathAsync(key, false);
        return Set(key, eventId);
    }

    private StateMap Remove(TrieKey key) => With(TrieEditor.Remove(_root, key, 0));

    private async ValueTask<StateMap> RemoveUnloadedAsync(TrieKey key)
    {
        await LoadPathAsync(key, true);
        return Remove(key);
    }

    private StateMap With(TrieNode root) => ReferenceEquals(root, _root) ? this : new(root);

    /// <summary>Whether a change at this key finds what it touches; a removal also touches the siblings that a leaf
    /// will take in.</summary>
    private bool IsPathLoaded(TrieKey key, bool isRemoval)
    {
        var node = _root;
        for (var depth = 0; node is BranchNode branch; depth++)
        {
            if (isRemoval && branch.Count - 1 <= TrieNodeCodec.LeafEntriesMax)
                return IsLoaded(branch);
            node = branch[key.NibbleAt(depth)];
        }
        return node is not UnloadedNode;
    }

    private static bool IsLoaded(TrieNode? node)
    {
        for (var index = 0; node is BranchNode branch && index < 16; index++)
        {
            if (!IsLoaded(branch[index]))
                return false;
        }
        return node is not UnloadedNode;
    }

    private async ValueTask LoadPathAsync(TrieKey key, bool isRemoval)
    {
        TrieNode? node = _root;
        for (var depth = 0; node is BranchNode branch; depth++)
        {
            if (isRemoval && branch.Count - 1 <= TrieNodeCodec.LeafEntriesMax)
            {
                await LoadAllAsync(branch);
                return;
            }
            node = await branch.LoadChildAsync(key.NibbleAt(depth));
        }
    }

    private static async ValueTask LoadAllAsync(BranchNode branch)
    {
        for (var index = 0; index < 16; index++)
        {
            if (await branch.LoadChildAsync(index) is BranchNode child)
                await LoadAllAsync(child);
        }
    }

    private async IAsyncEnumerable<StateEntry> WalkAsync(byte[]? type)
    {
        var pending = new Stack<TrieNode>();
        pending.Push(_root);
        var found = new List<StateEntry>(TrieNodeCodec.LeafEntriesMax);
        while (pending.TryPop(out var node))
        {
            if (node is BranchNode branch)
            {
                await TrieLoading.LoadNextAsync(branch);
                for (var index = 15; index >= 0; index--)
                {
                    if (await branch.LoadChildAsync(index) is { } child)
                        pending.Push(child);
                }
                continue;
            }
            ReadLeaf((LeafNode)node, type, found);
            foreach (var entry in found)
                yield return entry;
            found.Clear();
        }
    }

    private static void ReadLeaf(LeafNode leaf, byte[]? type, List<StateEntry> found)
    {
        var reader = new LeafReader(leaf.Bytes);
        while (reader.MoveNext())
        {
            if (type is null || reader.Type.SequenceEqual(type))
                found.Add(reader.Entry);
        }
    }
}
