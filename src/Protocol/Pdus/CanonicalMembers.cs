using System.Text.Json;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Protocol.Pdus;

// HOT
/// <summary>Walks over the members of an object in canonical bytes, as slices.</summary>
internal ref struct CanonicalMembers
{
    private readonly ReadOnlySpan<byte> _json;
    private Utf8JsonReader _reader;
    private int _keyStart;
    private int _valueStart;
    private int _end;

    public CanonicalMembers(ReadOnlySpan<byte> canonicalObject)
    {
        _json = canonicalObject;
        _reader = PduEnvelope.NewReader(canonicalObject);
        _reader.Read();
    }

    /// <summary>The key as it stands between its quotes; keys that need escapes are never ours.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    public readonly ReadOnlySpan<byte> Value => _json[_valueStart.._end];

    /// <summary>Key, colon and value.</summary>
    public readonly ReadOnlySpan<byte> Member => _json[_keyStart.._end];

    public bool MoveNext()
    {
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.PropertyName)
            return false;
        Key = _reader.ValueSpan;
        _keyStart = (int)_reader.TokenStartIndex;
        _reader.Read();
        _valueStart = (int)_reader.TokenStartIndex;
        _reader.Skip();
        _end = (int)_reader.BytesConsumed;
        return true;
    }
}

/// <summary>Writes an object member by member, in the order given; the sink is passed along, since both are on the
/// stack.</summary>
internal ref struct MemberWriter
{
    private bool _hasMembers;

    public MemberWriter(scoped ref Utf8Sink sink) => sink.Append((byte)'{');

    public void Copy(scoped ReadOnlySpan<byte> member, scoped ref Utf8Sink sink)
    {
        Separate(ref sink);
        sink.Append(member);
    }

    /// <summary>Writes a key that needs no escapes, and the colon.</summary>
    public void Key(scoped ReadOnlySpan<byte> key, scoped ref Utf8Sink sink)
    {
        Separate(ref sink);
        sink.Append((byte)'"');
        sink.Append(key);
        sink.Append("\":"u8);
    }

    public static void End(scoped ref Utf8Sink sink) => sink.Append((byte)'}');

    private void Separate(scoped ref Utf8Sink sink)
    {
        if (_hasMembers)
            sink.Append((byte)',');
        _hasMembers = true;
    }
}
