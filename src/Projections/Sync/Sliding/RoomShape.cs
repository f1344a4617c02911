namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>What lists of rooms sort and choose by.</summary>
/// <remarks>Units: log positions. Last: the newest PDU of the timeline; Bump: the newest that counts as activity
/// (MSC4186, <c>bump_stamp</c>); News: the newest change of any kind, also of state without a PDU.</remarks>
internal sealed record RoomShape(long Last, long Bump, long News, string? Type, bool IsEncrypted);

/// <summary>The shapes of rooms that somebody's lists have looked at, kept up while PDUs come.</summary>
/// <remarks>LOCK: its own, a leaf; told under the live view's lock.</remarks>
public sealed class RoomShapes
{
    /// <summary>LIMIT: rooms kept. Ours: some 150 bytes each.</summary>
    private const int RoomsMax = 200_000;

    /// <summary>See MSC4186, <c>bump_stamp</c>.</summary>
    internal static readonly string[] BumpTypes =
    [
        "m.room.create", "m.room.message", "m.room.encrypted", "m.sticker", "m.call.invite", "m.poll.start",
        "m.beacon_info", "org.matrix.msc3381.poll.start", "org.matrix.msc3672.beacon_info",
    ];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, RoomShape> _shapes = [];

    /// <summary>Counts what was told: a shape that was read while something happened is not kept.</summary>
    private long _told;

    internal long Told
    {
        get
        {
            lock (_lock)
                return _told;
        }
    }

    internal RoomShape? Find(string roomId)
    {
        lock (_lock)
            return _shapes.GetValueOrDefault(roomId);
    }

    /// <summary>Keeps what the tables said, where nothing happened since <paramref name="told"/>.</summary>
    internal void Keep(IReadOnlyCollection<KeyValuePair<string, RoomShape>> shapes, long told)
    {
        lock (_lock)
        {
            if (_told != told)
                return;
            if (_shapes.Count + shapes.Count > RoomsMax)
                _shapes.Clear();
            foreach (var (roomId, shape) in shapes)
                _shapes[roomId] = shape;
        }
    }

    internal void Happened(string roomId, long position, string type, bool isState)
    {
        lock (_lock)
        {
            _told++;
            if (!_shapes.TryGetValue(roomId, out var shape))
                return;
            if (isState && type is "m.room.encryption" or "m.room.create")
            {
                _shapes.Remove(roomId);
                return;
            }
            _shapes[roomId] = shape with
            {
                Last = Math.Max(shape.Last, position),
                News = Math.Max(shape.News, position),
                Bump = Array.IndexOf(BumpTypes, type) >= 0 ? Math.Max(shape.Bump, position) : shape.Bump,
            };
        }
    }

    /// <summary>State moved without a PDU on the timeline.</summary>
    internal void StateMoved(string roomId)
    {
        lock (_lock)
        {
            _told++;
            _shapes.Remove(roomId);
        }
    }

    internal void Clear()
    {
        lock (_lock)
        {
            _told++;
            _shapes.Clear();
        }
    }
}
