using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>The stored form of a state map's nodes.</summary>
/// <remarks>
/// <code>
/// leaf     01 | count: varint | entry * count, ascending by (type, state_key) as UTF-8 bytes
///             entry: length: varint | type | length: varint | state_key | length: varint | event_id     (UTF-8)
/// branch   02 | count: varint (entries below) | children: 16 bits, big-endian, bit n = child n exists | hash (32
/// bytes) * children
/// varint   7 bits a byte, least significant first, the top bit set on all but the last
/// </code>
/// A subtree of at most <see cref="LeafEntriesMax"/> entries is a leaf, a larger one a branch over the next nibble of
/// the key's hash. Nothing else decides the shape, so equal sets of entries have equal roots. The first byte keeps a
/// leaf from ever passing for a branch.
/// </remarks>
internal static class TrieNodeCodec
{
    /// <summary>LIMIT: entries of a leaf. Ours: a small room is one node of about 1 KiB; a large one rewrites little
    /// per change.</summary>
    public const int LeafEntriesMax = 16;

    public const byte LeafKind = 1;
    public const byte BranchKind = 2;
    public const int BranchBytesMax = 1 + 5 + 2 + (16 * StateRoot.ByteCount);

    /// <summary>The node of these bytes; throws when they are not what the hash names, which means that the store is
    /// damaged.</summary>
    public static TrieNode Decode(ReadOnlyMemory<byte> stored, StateRoot hash, IStateNodeReader reader)
    {
        Span<byte> actual = stackalloc byte[StateRoot.ByteCount];
        SHA256.HashData(stored.Span, actual);
        if (StateRoot.FromBytes(actual) != hash)
            throw new InvalidDataException($"The stored state node {hash} does not have that hash.");
        var bytes = stored.Span;
        var offset = 1;
        var count = ReadVarint(bytes, ref offset);
        return bytes[0] switch
        {
            LeafKind => new LeafNode(stored.ToArray(), count, hash),
            BranchKind => DecodeBranch(bytes, offset, count, hash, reader),
            _ => throw new InvalidDataException($"The stored state node {hash} is of an unknown kind."),
        };
    }

    private static BranchNode DecodeBranch(
        ReadOnlySpan<byte> bytes, int offset, int count, StateRoot hash, IStateNodeReader reader)
    {
        var present = BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]);
        offset += 2;
        var children = new TrieNode?[16];
        for (var index = 0; index < 16; index++)
        {
            if ((present & (1 << index)) == 0)
                continue;
            children[index] = new UnloadedNode(StateRoot.FromBytes(bytes.Slice(offset, StateRoot.ByteCount)), reader);
            offset += StateRoot.ByteCount;
        }
        return new BranchNode(children, count, hash);
    }

    /// <summary>The hashes that a stored branch holds; none for a leaf.</summary>
    public static IReadOnlyList<StateRoot> ChildrenOf(ReadOnlySpan<byte> stored)
    {
        if (stored.IsEmpty || stored[0] != BranchKind)
            return [];
        var offset = 1;
        ReadVarint(stored, ref offset);
        var count = BitOperations.PopCount(BinaryPrimitives.ReadUInt16BigEndian(stored[offset..]));
        offset += 2;
        var children = new StateRoot[count];
        for (var index = 0; index < count; index++)
        {
            var hash = stored.Slice(offset + (index * StateRoot.ByteCount), StateRoot.ByteCount);
            children[index] = StateRoot.FromBytes(hash);
        }
        return children;
    }

    public static int EncodeBranch(TrieNode?[] children, int count, Span<byte> destination)
    {
        destination[0] = BranchKind;
        var offset = 1;
        WriteVarint(destination, ref offset, count);
        var presentOffset = offset;
        offset += 2;
        ushort present = 0;
        for (var index = 0; index < 16; index++)
        {
            if (children[index] is not { } child)
                continue;
            present |= (ushort)(1 << index);
            child.Hash.WriteTo(destination[offset..]);
            offset += StateRoot.ByteCount;
        }
        BinaryPrimitives.WriteUInt16BigEndian(destination[presentOffset..], present);
        return offset;
    }

    public static int VarintLength(int value) => value == 0 ? 1 : (BitOperations.Log2((uint)value) / 7) + 1;

    public static void WriteVarint(Span<byte> destination, ref int offset, int value)
    {
        var rest = (uint)value;
        for (; rest >= 0x80; rest >>= 7)
            destination[offset++] = (byte)(rest | 0x80);
        destination[offset++] = (byte)rest;
    }

    public static int ReadVarint(ReadOnlySpan<byte> source, ref int offset)
    {
        var value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var next = source[offset++];
            value |= (next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("A stored state node has a length that is too long.");
    }
}
