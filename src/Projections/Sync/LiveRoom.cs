using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>A PDU in memory. The event is replaced when it is redacted or when its surroundings were read.</summary>
internal sealed class LiveEntry(TimelineChange change)
{
    public StoredEvent Event { get; set; } = change.Event;
    public long Position => Event.Position;
    public bool HasForeignState => change.HasForeignState;
    public bool ChangesMembers => change.ChangesMembers;
    public bool IsAfterGap => change.IsAfterGap;
}

/// <summary>The newest PDUs of a room, and the users that follow it. LOCK: only under the live view's lock.</summary>
internal sealed class LiveRoom(string roomId)
{
    private readonly List<LiveEntry> _entries = [];
    private int _first;

    public string RoomId => roomId;

    public HashSet<UserFeed> Followers { get; } = [];

    public bool IsUnused => _entries.Count == _first && Followers.Count == 0;

    public ReadOnlySpan<LiveEntry> Entries =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_entries)[_first..];

    public void Add(LiveEntry entry) => _entries.Add(entry);

    public void DropFirst()
    {
        _entries[_first++] = null!;
        if (_first > 64 && _first > _entries.Count / 2)
        {
            _entries.RemoveRange(0, _first);
            _first = 0;
        }
    }

    /// <summary>The entries after a position. Cost: a binary search and a copy.</summary>
    public LiveEntry[] After(long position)
    {
        var entries = Entries;
        var (low, high) = (0, entries.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (entries[middle].Position <= position)
                low = middle + 1;
            else
                high = middle;
        }
        return entries[low..].ToArray();
    }

    /// <summary>Takes the redacted content in, and forgets what others remember of it.</summary>
    public void Redact(string eventId, ReadOnlyMemory<byte> json, string redactedBy)
    {
        foreach (var entry in Entries)
        {
            if (entry.Event.EventId == eventId)
                entry.Event = entry.Event.Redacted(json, redactedBy);
            else if (entry.Event.Replaces == eventId && entry.Event.Replaced is not null)
                entry.Event = entry.Event.WithoutReplaced();
        }
    }
}
