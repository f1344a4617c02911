using System.Security.Cryptography;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>A node of a state map: a leaf, a branch, or one that was not loaded yet.</summary>
/// <remarks>
/// Immutable as seen from outside, safe for concurrent readers: what is filled in later (the hash, a branch's loaded
/// children) is the same whoever computes it.
/// </remarks>
internal abstract class TrieNode
{
    private StateRoot _hash;
    private volatile bool _isHashed;

    protected TrieNode()
    {
    }

    protected TrieNode(StateRoot storedHash)
    {
        _hash = storedHash;
        _isHashed = true;
        IsStored = true;
    }

    /// <summary>Came from the reader, so it need not be stored again.</summary>
    public bool IsStored { get; }

    /// <summary>The SHA-256 of the encoding. Made on first use: a map that is being built never hashes its intermediate
    /// roots.</summary>
    public StateRoot Hash
    {
        get
        {
            if (!_isHashed)
            {
                _hash = ComputeHash();
                _isHashed = true;
            }
            return _hash;
        }
    }

    /// <summary>Whether two nodes (null is the empty subtree) hold the same entries.</summary>
    public static bool AreSame(TrieNode? first, TrieNode? second)
    {
        if (ReferenceEquals(first, second))
            return true;
        if (first is null || second is null)
            return false;
        return first is LeafNode leaf && second is LeafNode other
            ? leaf.Bytes.SequenceEqual(other.Bytes)
            : first.Hash == second.Hash;
    }

    public abstract byte[] Encode();

    protected abstract StateRoot ComputeHash();

    protected static StateRoot HashOf(ReadOnlySpan<byte> encoding)
    {
        Span<byte> hash = stackalloc byte[StateRoot.ByteCount];
        SHA256.HashData(encoding, hash);
        return StateRoot.FromBytes(hash);
    }
}

/// <summary>A child that is known by its hash only.</summary>
internal sealed class UnloadedNode(StateRoot hash, IStateNodeReader reader) : TrieNode(hash)
{
    public IStateNodeReader Reader => reader;

    public async ValueTask<TrieNode> LoadAsync() => Decode(await reader.ReadAsync(Hash));

    public TrieNode Decode(ReadOnlyMemory<byte> stored) => TrieNodeCodec.Decode(stored, Hash, reader);

    public override byte[] Encode() =>
        throw new InvalidOperationException("A node that is not loaded has no encoding to give.");

    protected override StateRoot ComputeHash() => Hash;
}
