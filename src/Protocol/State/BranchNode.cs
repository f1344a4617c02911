// HOT
namespace Matrix.EventSourced.Protocol.State;

/// <summary>More than sixteen entries: up to sixteen children by the next nibble of the key's hash.</summary>
internal sealed class BranchNode : TrieNode
{
    private readonly TrieNode?[] _children;

    public BranchNode(TrieNode?[] children, int count)
    {
        _children = children;
        Count = count;
    }

    public BranchNode(TrieNode?[] children, int count, StateRoot storedHash)
        : base(storedHash)
    {
        _children = children;
        Count = count;
    }

    /// <summary>The entries of the whole subtree.</summary>
    public int Count { get; }

    public TrieNode? this[int index] => _children[index];

    public override byte[] Encode()
    {
        Span<byte> bytes = stackalloc byte[TrieNodeCodec.BranchBytesMax];
        return bytes[..TrieNodeCodec.EncodeBranch(_children, Count, bytes)].ToArray();
    }

    /// <summary>The child, loaded if need be; the loaded node takes the place of the unloaded one.</summary>
    public ValueTask<TrieNode?> LoadChildAsync(int index) =>
        _children[index] is UnloadedNode unloaded ? LoadAsync(index, unloaded) : new(_children[index]);

    public BranchNode With(int index, TrieNode? child, int count)
    {
        var children = (TrieNode?[])_children.Clone();
        children[index] = child;
        return new(children, count);
    }

    protected override StateRoot ComputeHash()
    {
        Span<byte> bytes = stackalloc byte[TrieNodeCodec.BranchBytesMax];
        return HashOf(bytes[..TrieNodeCodec.EncodeBranch(_children, Count, bytes)]);
    }

    private async ValueTask<TrieNode?> LoadAsync(int index, UnloadedNode unloaded) =>
        Keep(index, unloaded, await unloaded.LoadAsync());

    /// <summary>Puts a node that was loaded in the place of the unloaded one; answers the one that stands there
    /// then.</summary>
    public TrieNode? Keep(int index, UnloadedNode unloaded, TrieNode loaded)
    {
        // The first of several readers wins: a later one must not bring back unloaded grandchildren under a reader that
        // loaded them.
        var current = Interlocked.CompareExchange(ref _children[index], loaded, unloaded);
        return ReferenceEquals(current, unloaded) ? loaded : current;
    }
}
