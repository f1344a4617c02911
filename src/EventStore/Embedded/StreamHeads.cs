namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Where a stream stands, as the writer knows it.</summary>
internal sealed class StreamHead(string name, long id, long first, long head, bool isTombstoned = false)
{
    public string Name { get; } = name;

    public long Id { get; } = id;

    /// <summary>The first revision after the last deletion.</summary>
    public long First { get; set; } = first;

    /// <summary>The last revision ever given; -1 before the first.</summary>
    public long Head { get; set; } = head;

    /// <summary>Whether it is closed for good.</summary>
    public bool IsTombstoned { get; set; } = isTombstoned;

    /// <summary>What a writer is told: the last revision, or null for a stream that holds nothing.</summary>
    public long? Actual => Head < First ? null : Head;

    internal StreamHead? Newer { get; set; }

    internal StreamHead? Older { get; set; }
}

/// <summary>The streams written to lately; the one not used for longest goes first. For the writer's thread
/// only.</summary>
// HOT
internal sealed class StreamHeads(int capacity)
{
    private readonly Dictionary<string, StreamHead> _nameToHead = new(StringComparer.Ordinal);
    private StreamHead? _newest;
    private StreamHead? _oldest;

    public StreamHead? Find(string name)
    {
        if (!_nameToHead.TryGetValue(name, out var head))
            return null;
        if (head != _newest)
        {
            Unlink(head);
            Link(head);
        }
        return head;
    }

    public void Add(StreamHead head)
    {
        _nameToHead.Add(head.Name, head);
        Link(head);
        if (_nameToHead.Count > capacity && _oldest is { } oldest)
        {
            Unlink(oldest);
            _nameToHead.Remove(oldest.Name);
        }
    }

    /// <summary>Forgets everything: after a failed commit the file knows better.</summary>
    public void Clear()
    {
        _nameToHead.Clear();
        _newest = _oldest = null;
    }

    private void Link(StreamHead head)
    {
        head.Older = _newest;
        head.Newer = null;
        if (_newest is not null)
            _newest.Newer = head;
        _newest = head;
        _oldest ??= head;
    }

    private void Unlink(StreamHead head)
    {
        if (head.Newer is null)
            _newest = head.Older;
        else
            head.Newer.Older = head.Older;
        if (head.Older is null)
            _oldest = head.Newer;
        else
            head.Older.Newer = head.Newer;
    }
}
