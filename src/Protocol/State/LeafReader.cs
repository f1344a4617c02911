// HOT
using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.State;

/// <summary>Walks the entries of a leaf's encoding without making strings.</summary>
internal ref struct LeafReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _offset;

    public LeafReader(ReadOnlySpan<byte> leaf)
    {
        _bytes = leaf;
        _offset = 1;
        TrieNodeCodec.ReadVarint(leaf, ref _offset);
        Start = _offset;
    }

    /// <summary>Where the current entry begins; after the last one, where the encoding ends.</summary>
    public int Start { get; private set; }

    /// <summary>Where the current entry ends.</summary>
    public readonly int End => _offset;

    public ReadOnlySpan<byte> Type { get; private set; }

    public ReadOnlySpan<byte> StateKey { get; private set; }

    public ReadOnlySpan<byte> EventIdUtf8 { get; private set; }

    public readonly ReadOnlySpan<byte> Encoding => _bytes[Start.._offset];

    /// <summary>Not checked again: the node's hash vouches that these are the bytes that were written.</summary>
    public readonly EventId EventId => EventId.FromValidated(System.Text.Encoding.UTF8.GetString(EventIdUtf8));

    public readonly StateEntry Entry =>
        new(new(TypeText(Type), System.Text.Encoding.UTF8.GetString(StateKey)), EventId);

    public bool MoveNext()
    {
        Start = _offset;
        if (_offset >= _bytes.Length)
            return false;
        Type = ReadField();
        StateKey = ReadField();
        EventIdUtf8 = ReadField();
        return true;
    }

    private ReadOnlySpan<byte> ReadField()
    {
        var length = TrieNodeCodec.ReadVarint(_bytes, ref _offset);
        var field = _bytes.Slice(_offset, length);
        _offset += length;
        return field;
    }

    /// <summary>Nearly every entry of a large room is a member: one string serves them all.</summary>
    private static string TypeText(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("m.room.member"u8) ? "m.room.member" : System.Text.Encoding.UTF8.GetString(type);
}
