using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace Matrix.EventSourced.Protocol.Json;

// HOT
/// <summary>A JSON text as a flat table of its tokens, with the members of every object in canonical order.</summary>
/// <remarks>
/// One pass of the reader fills the table; each object's members are linked in the order of their keys' UTF-8 bytes as
/// the object ends,
/// which is also where duplicate keys show. Writing follows the links and cannot fail.
/// <code>
/// {"b":[1],"a":2}    0 object, link=3, next=5
///                    1 key b, link=-1      2 array, next=4     (its 1 is a token between)
///                    3 key a, link=1       4 number
/// </code>
/// Errors: <see cref="Fault"/> says what no room may hold (not JSON, bad UTF-8, half surrogates, duplicate keys,
/// nesting over the limit);
/// <see cref="Violation"/> what strict canonical JSON may not hold (floats, large integers, negative zero).
/// Cost: O(n log m) for n tokens and m members of one object; all arrays are pooled. Requires: disposed by who made it.
/// </remarks>
internal ref struct JsonScan
{
    private readonly ReadOnlySpan<byte> _source;
    private Token[] _tokens;
    private int _count;
    private int[] _members = [];
    private byte[] _unescaped = [];
    private int _unescapedCount;

    private JsonScan(ReadOnlySpan<byte> source)
    {
        _source = source;
        _tokens = ArrayPool<Token>.Shared.Rent(Math.Max(16, source.Length / 8));
    }

    /// <summary>False if the text is no JSON at all, which has an errcode of its own.</summary>
    public bool IsJson { get; private set; } = true;

    public string? Fault { get; private set; }

    public string? Violation { get; private set; }

    public readonly bool IsObject => Fault is null && _tokens[0].Kind == JsonTokenType.StartObject;

    /// <param name="utf8">The text.</param>
    /// <param name="depthMax">Less than usual for a value that will stand inside of another.</param>
    public static JsonScan Read(ReadOnlySpan<byte> utf8, int depthMax = Limits.JsonDepthMax)
    {
        var scan = new JsonScan(utf8);
        try
        {
            scan.ReadTokens(depthMax);
        }
        catch (JsonException)
        {
            scan.Fault = $"not JSON, or nested more than {depthMax} deep";
            scan.IsJson = false;
        }
        return scan;
    }

    /// <summary>Writes the canonical form. Requires: no <see cref="Fault"/>.</summary>
    public readonly void WriteCanonical(ref Utf8Sink sink) => Write(0, ref sink);

    public void Dispose()
    {
        if (_tokens.Length > 0)
            ArrayPool<Token>.Shared.Return(_tokens);
        if (_members.Length > 0)
            ArrayPool<int>.Shared.Return(_members);
        if (_unescaped.Length > 0)
            ArrayPool<byte>.Shared.Return(_unescaped);
        _tokens = [];
        _members = [];
        _unescaped = [];
    }

    private void ReadTokens(int depthMax)
    {
        if (!Utf8.IsValid(_source))
        {
            Fault = "not UTF-8";
            IsJson = false;
            return;
        }
        var reader = new Utf8JsonReader(_source, new JsonReaderOptions { MaxDepth = depthMax });
        Span<int> open = stackalloc int[Limits.JsonDepthMax + 1];
        var depth = 0;
        while (reader.Read() && Fault is null)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.EndObject:
                case JsonTokenType.EndArray:
                    ref var container = ref _tokens[open[--depth]];
                    container.Next = _count;
                    if (container.Kind == JsonTokenType.StartObject)
                        LinkMembers(open[depth]);
                    break;
                case JsonTokenType.StartObject:
                case JsonTokenType.StartArray:
                    open[depth++] = _count;
                    Add(ref reader);
                    break;
                default:
                    Add(ref reader);
                    break;
            }
        }
    }

    private void Add(ref Utf8JsonReader reader)
    {
        if (_count == _tokens.Length)
            GrowTokens();
        ref var token = ref _tokens[_count];
        token.Kind = reader.TokenType;
        token.Link = -1;
        token.Next = _count + 1;
        token.IsUnescaped = false;
        token.Length = reader.ValueSpan.Length;
        token.Start = (int)reader.TokenStartIndex;
        if (token.Kind is JsonTokenType.String or JsonTokenType.PropertyName)
        {
            token.Start++;
            if (reader.ValueIsEscaped)
                Unescape(ref token);
        }
        else if (token.Kind == JsonTokenType.Number)
            Violation ??= JsonNumber.FindViolation(reader.ValueSpan);
        _count++;
    }

    private void Unescape(ref Token token)
    {
        // The whole source is enough room for every unescaped text together, since unescaping never lengthens.
        if (_unescaped.Length == 0)
            _unescaped = ArrayPool<byte>.Shared.Rent(_source.Length);
        var raw = _source.Slice(token.Start, token.Length);
        if (!JsonText.TryUnescape(raw, _unescaped.AsSpan(_unescapedCount), out var written))
            Fault ??= "a string holds half of a surrogate pair";
        token.Start = _unescapedCount;
        token.Length = written;
        token.IsUnescaped = true;
        _unescapedCount += written;
    }

    private void LinkMembers(int owner)
    {
        var count = 0;
        var isSorted = true;
        for (var key = owner + 1; key < _tokens[owner].Next; key = _tokens[key + 1].Next)
        {
            if (count == _members.Length)
                GrowMembers();
            _members[count] = key;
            isSorted &= count == 0 || Compare(_members[count - 1], key) < 0;
            count++;
        }
        if (!isSorted)
            Sort(_members.AsSpan(0, count));
        for (var i = 0; i < count; i++)
        {
            var key = _members[i];
            if (i == 0)
                _tokens[owner].Link = key;
            else
                _tokens[_members[i - 1]].Link = key;
            if (!isSorted && i > 0 && Compare(_members[i - 1], key) == 0)
                Fault ??= "an object holds the same key twice";
        }
    }

    private readonly int Compare(int leftKey, int rightKey) => Text(leftKey).SequenceCompareTo(Text(rightKey));

    private readonly ReadOnlySpan<byte> Text(int index)
    {
        ref readonly var token = ref _tokens[index];
        return token.IsUnescaped
            ? _unescaped.AsSpan(token.Start, token.Length)
            : _source.Slice(token.Start, token.Length);
    }

    /// <summary>Heapsort: in place, and no worse for keys that an adversary chose.</summary>
    private readonly void Sort(Span<int> keys)
    {
        for (var i = keys.Length / 2 - 1; i >= 0; i--)
            SiftDown(keys, i);
        for (var end = keys.Length - 1; end > 0; end--)
        {
            (keys[0], keys[end]) = (keys[end], keys[0]);
            SiftDown(keys[..end], 0);
        }
    }

    private readonly void SiftDown(Span<int> heap, int root)
    {
        while (true)
        {
            var child = 2 * root + 1;
            if (child >= heap.Length)
                return;
            if (child + 1 < heap.Length && Compare(heap[child], heap[child + 1]) < 0)
                child++;
            if (Compare(heap[root], heap[child]) >= 0)
                return;
            (heap[root], heap[child]) = (heap[child], heap[root]);
            root = child;
        }
    }

    private readonly void Write(int index, ref Utf8Sink sink)
    {
        ref readonly var token = ref _tokens[index];
        switch (token.Kind)
        {
            case JsonTokenType.StartObject:
                WriteObject(token.Link, ref sink);
                break;
            case JsonTokenType.StartArray:
                WriteArray(index, ref sink);
                break;
            case JsonTokenType.String:
                WriteText(index, ref sink);
                break;
            case JsonTokenType.Number:
                JsonNumber.Append(_source.Slice(token.Start, token.Length), ref sink);
                break;
            default:
                sink.Append(_source.Slice(token.Start, token.Length));
                break;
        }
    }

    private readonly void WriteObject(int firstKey, ref Utf8Sink sink)
    {
        sink.Append((byte)'{');
        for (var key = firstKey; key >= 0; key = _tokens[key].Link)
        {
            if (key != firstKey)
                sink.Append((byte)',');
            WriteText(key, ref sink);
            sink.Append((byte)':');
            Write(key + 1, ref sink);
        }
        sink.Append((byte)'}');
    }

    private readonly void WriteArray(int owner, ref Utf8Sink sink)
    {
        sink.Append((byte)'[');
        for (var item = owner + 1; item < _tokens[owner].Next; item = _tokens[item].Next)
        {
            if (item != owner + 1)
                sink.Append((byte)',');
            Write(item, ref sink);
        }
        sink.Append((byte)']');
    }

    private readonly void WriteText(int index, ref Utf8Sink sink)
    {
        if (_tokens[index].IsUnescaped)
        {
            JsonText.AppendQuoted(Text(index), ref sink);
            return;
        }
        // Without escapes in the source there is nothing to escape: the quotes are in the source, too.
        ref readonly var token = ref _tokens[index];
        sink.Append(_source.Slice(token.Start - 1, token.Length + 2));
    }

    private void GrowTokens()
    {
        var larger = ArrayPool<Token>.Shared.Rent(_tokens.Length * 2);
        _tokens.AsSpan(0, _count).CopyTo(larger);
        ArrayPool<Token>.Shared.Return(_tokens);
        _tokens = larger;
    }

    private void GrowMembers()
    {
        var larger = ArrayPool<int>.Shared.Rent(Math.Max(16, _members.Length * 2));
        _members.CopyTo(larger, 0);
        if (_members.Length > 0)
            ArrayPool<int>.Shared.Return(_members);
        _members = larger;
    }

    /// <summary>Start and Length: of the text inside the quotes, or of the token. Next: the token after this
    /// value.</summary>
    private struct Token
    {
        public int Start;
        public int Length;
        public int Next;
        public int Link;
        public JsonTokenType Kind;
        public bool IsUnescaped;
    }
}
