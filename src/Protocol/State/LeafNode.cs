// HOT
using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>Up to sixteen entries, kept in their stored form: loading costs nothing, and memory is what the disk
/// needs.</summary>
internal sealed class LeafNode : TrieNode
{
    public static readonly LeafNode Empty = new([TrieNodeCodec.LeafKind, 0], 0);

    private readonly byte[] _bytes;

    public LeafNode(byte[] bytes, int count)
    {
        _bytes = bytes;
        Count = count;
    }

    public LeafNode(byte[] bytes, int count, StateRoot storedHash)
        : base(storedHash)
    {
        _bytes = bytes;
        Count = count;
    }

    public int Count { get; }

    public ReadOnlySpan<byte> Bytes => _bytes;

    public override byte[] Encode() => _bytes;

    protected override StateRoot ComputeHash() => HashOf(_bytes);

    public EventId? Find(TrieKey key)
    {
        var entries = new LeafReader(_bytes);
        while (entries.MoveNext())
        {
            var order = key.CompareTo(entries.Type, entries.StateKey);
            if (order == 0)
                return entries.EventId;
            if (order < 0)
                return null;
        }
        return null;
    }

    /// <summary>The leaf with this entry set, which may hold one entry too many; itself when nothing changes.</summary>
    public LeafNode Set(TrieKey key, EventId eventId)
    {
        var entry = EncodeEntry(key, eventId);
        var entries = new LeafReader(_bytes);
        while (entries.MoveNext())
        {
            var order = key.CompareTo(entries.Type, entries.StateKey);
            if (order == 0)
                return entries.Encoding.SequenceEqual(entry) ? this : Splice(entries.Start, entries.End, entry, Count);
            if (order < 0)
                break;
        }
        return Splice(entries.Start, entries.Start, entry, Count + 1);
    }

    public LeafNode Remove(TrieKey key)
    {
        var entries = new LeafReader(_bytes);
        while (entries.MoveNext())
        {
            if (key.CompareTo(entries.Type, entries.StateKey) == 0)
                return Splice(entries.Start, entries.End, [], Count - 1);
        }
        return this;
    }

    /// <summary>The entries by the nibble of their key at <paramref name="depth"/>: what a branch in this leaf's place
    /// would have as children.</summary>
    public TrieNode?[] Split(int depth)
    {
        var counts = new int[16];
        var parts = new byte[]?[16];
        var lengths = new int[16];
        var entries = new LeafReader(_bytes);
        while (entries.MoveNext())
        {
            var index = new TrieKey(entries.Type, entries.StateKey).NibbleAt(depth);
            var part = parts[index] ??= new byte[_bytes.Length];
            entries.Encoding.CopyTo(part.AsSpan(lengths[index]));
            lengths[index] += entries.Encoding.Length;
            counts[index]++;
        }
        var children = new TrieNode?[16];
        for (var index = 0; index < 16; index++)
        {
            if (parts[index] is { } part)
                children[index] = FromEntries(part.AsSpan(0, lengths[index]), counts[index]);
        }
        return children;
    }

    /// <summary>A leaf of entries that are encoded and ordered already.</summary>
    public static LeafNode FromEntries(ReadOnlySpan<byte> entries, int count)
    {
        var bytes = new byte[1 + TrieNodeCodec.VarintLength(count) + entries.Length];
        bytes[0] = TrieNodeCodec.LeafKind;
        var offset = 1;
        TrieNodeCodec.WriteVarint(bytes, ref offset, count);
        entries.CopyTo(bytes.AsSpan(offset));
        return new(bytes, count);
    }

    public static byte[] EncodeEntry(TrieKey key, EventId eventId)
    {
        var idLength = Encoding.UTF8.GetByteCount(eventId.Value);
        var entry = new byte[
            TrieNodeCodec.VarintLength(key.Type.Length) + key.Type.Length
            + TrieNodeCodec.VarintLength(key.StateKey.Length) + key.StateKey.Length
            + TrieNodeCodec.VarintLength(idLength) + idLength];
        var offset = 0;
        TrieNodeCodec.WriteVarint(entry, ref offset, key.Type.Length);
        key.Type.CopyTo(entry.AsSpan(offset));
        offset += key.Type.Length;
        TrieNodeCodec.WriteVarint(entry, ref offset, key.StateKey.Length);
        key.StateKey.CopyTo(entry.AsSpan(offset));
        offset += key.StateKey.Length;
        TrieNodeCodec.WriteVarint(entry, ref offset, idLength);
        Encoding.UTF8.GetBytes(eventId.Value, entry.AsSpan(offset));
        return entry;
    }

    /// <summary>This leaf with the bytes from start to end replaced. The header grows with a count of 128, which no
    /// leaf reaches.</summary>
    private LeafNode Splice(int start, int end, ReadOnlySpan<byte> replacement, int count)
    {
        var bytes = new byte[_bytes.Length - (end - start) + replacement.Length];
        _bytes.AsSpan(0, start).CopyTo(bytes);
        replacement.CopyTo(bytes.AsSpan(start));
        _bytes.AsSpan(end).CopyTo(bytes.AsSpan(start + replacement.Length));
        bytes[1] = (byte)count;
        return new(bytes, count);
    }
}
