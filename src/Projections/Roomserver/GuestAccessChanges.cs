using System.Threading.Channels;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Rooms whose <c>m.room.guest_access</c> changed, for who looks after the guests in them.</summary>
/// <remarks>Ensures: <see cref="WaitAsync"/> answers once for everything that was noted before it. What there is no
/// place for, or may have been missed, is a look at all rooms.</remarks>
public sealed class GuestAccessChanges
{
    /// <summary>LIMIT: rooms that wait to be looked at. Ours: beyond that all are looked at.</summary>
    private const int RoomsMax = 1_024;

    private readonly Channel<string> _rooms = Channel.CreateBounded<string>(
        new BoundedChannelOptions(RoomsMax) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private int _isAllDue;

    internal void Note(string roomId)
    {
        if (_rooms.Reader.Count >= RoomsMax)
            NoteAll();
        _rooms.Writer.TryWrite(roomId);
    }

    /// <summary>An empty id only wakes the reader.</summary>
    internal void NoteAll()
    {
        Interlocked.Exchange(ref _isAllDue, 1);
        _rooms.Writer.TryWrite(string.Empty);
    }

    /// <summary>The next rooms to look at; null for all of them.</summary>
    public async ValueTask<IReadOnlyCollection<string>?> WaitAsync(CancellationToken cancellationToken)
    {
        await _rooms.Reader.WaitToReadAsync(cancellationToken);
        var rooms = new HashSet<string>(StringComparer.Ordinal);
        while (_rooms.Reader.TryRead(out var roomId))
            rooms.Add(roomId);
        return Interlocked.Exchange(ref _isAllDue, 0) == 1 ? null : rooms;
    }
}
