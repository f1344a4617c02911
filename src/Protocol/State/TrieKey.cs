// HOT
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>A state tuple as the trie sees it: its UTF-8 bytes, and the SHA-256 whose nibbles are the path to its
/// leaf.</summary>
/// <remarks>
/// Shape: the hashed bytes are <c>length(type) type length(state_key) state_key</c>, lengths as 32-bit big-endian, so
/// that no two tuples share them. The hash keeps the trie balanced whatever state keys a user invents.
/// Cost: the hash is made only when a branch asks for a nibble; a room with one leaf never hashes a key.
/// </remarks>
internal sealed class TrieKey
{
    private readonly byte[] _bytes;
    private readonly int _typeLength;
    private StateRoot _hash;
    private bool _isHashed;

    public TrieKey(StateTuple tuple)
    {
        _typeLength = Encoding.UTF8.GetByteCount(tuple.Type);
        var stateKeyLength = Encoding.UTF8.GetByteCount(tuple.StateKey);
        _bytes = new byte[_typeLength + stateKeyLength + 8];
        BinaryPrimitives.WriteInt32BigEndian(_bytes, _typeLength);
        Encoding.UTF8.GetBytes(tuple.Type, _bytes.AsSpan(4));
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(4 + _typeLength), stateKeyLength);
        Encoding.UTF8.GetBytes(tuple.StateKey, _bytes.AsSpan(8 + _typeLength));
    }

    /// <summary>The key of a leaf's entry.</summary>
    public TrieKey(ReadOnlySpan<byte> type, ReadOnlySpan<byte> stateKey)
    {
        _typeLength = type.Length;
        _bytes = new byte[type.Length + stateKey.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(_bytes, type.Length);
        type.CopyTo(_bytes.AsSpan(4));
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(4 + type.Length), stateKey.Length);
        stateKey.CopyTo(_bytes.AsSpan(8 + type.Length));
    }

    public ReadOnlySpan<byte> Type => _bytes.AsSpan(4, _typeLength);

    public ReadOnlySpan<byte> StateKey => _bytes.AsSpan(8 + _typeLength);

    public StateRoot Hash
    {
        get
        {
            if (!_isHashed)
            {
                Span<byte> hash = stackalloc byte[StateRoot.ByteCount];
                SHA256.HashData(_bytes, hash);
                _hash = StateRoot.FromBytes(hash);
                _isHashed = true;
            }
            return _hash;
        }
    }

    /// <summary>The child of a branch at <paramref name="depth"/> under which this key lies: 0..15, most significant
    /// nibble first.</summary>
    public int NibbleAt(int depth) => NibbleAt(Hash, depth);

    public static int NibbleAt(in StateRoot hash, int depth)
    {
        var word = (depth >> 4) switch { 0 => hash.A, 1 => hash.B, 2 => hash.C, _ => hash.D };
        return (int)(word >> (60 - ((depth & 15) << 2))) & 15;
    }

    /// <summary>The order of the entries within a leaf: by the UTF-8 bytes of the type, then of the state
    /// key.</summary>
    public int CompareTo(ReadOnlySpan<byte> type, ReadOnlySpan<byte> stateKey)
    {
        var byType = Type.SequenceCompareTo(type);
        return byType != 0 ? byType : StateKey.SequenceCompareTo(stateKey);
    }
}
