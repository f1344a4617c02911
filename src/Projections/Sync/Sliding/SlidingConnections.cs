using System.Collections.Immutable;
using System.Globalization;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>The connections of all devices: what each was told, up to the answer that it confirmed and the one that it
/// may have missed.</summary>
/// <remarks>
/// See MSC4186, connections. In memory only (ADR 0078): after a restart, or when a connection was dropped for want of
/// room, its client is told M_UNKNOWN_POS and begins anew.
/// LOCK: one lock, held for memory work only.
/// </remarks>
public sealed class SlidingConnections(TimeProvider time)
{
    /// <summary>LIMIT: connections of one device. Ours: clients have one for rooms and one for keys.</summary>
    private const int PerDeviceMax = 8;

    /// <summary>LIMIT: rooms that all connections remember together. Ours: some 200 bytes each, 100 MiB.</summary>
    private const int RoomsMax = 500_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string User, string Device, string Id), SlidingConnection> _connections = [];

    /// <summary>Part of the names of connections, so that none of an earlier process is taken for one of
    /// this.</summary>
    private readonly long _startedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds();
    private long _opened;
    private long _uses;
    private long _rooms;

    /// <summary>Begins a request; null where the pos is none of this connection's last two.</summary>
    /// <remarks>A request that still runs on the connection is ended: its client has given it up.</remarks>
    public SlidingTurn? Begin(SlidingRequest request)
    {
        lock (_lock)
        {
            var key = (request.User.Value, request.DeviceId, request.ConnectionId);
            _connections.TryGetValue(key, out var connection);
            if (request.Pos is not { } pos)
            {
                if (connection is not null)
                    Remove(key, connection);
                connection = new SlidingConnection(
                    string.Create(CultureInfo.InvariantCulture, $"{_startedAtMs:x}.{++_opened}"));
                _connections[key] = connection;
                DropOthers(key);
            }
            else if (connection is null || connection.Name != pos.Connection || !Confirm(connection, pos.Number))
            {
                return null;
            }
            connection.LastUsed = ++_uses;
            return connection.Begin();
        }
    }

    /// <summary>Keeps what the client will have been told; null where another request took over meanwhile.</summary>
    public string? Finish(SlidingTurn turn, SlidingAnswer answer)
    {
        lock (_lock)
        {
            var connection = turn.Connection;
            if (connection.Turn != turn)
                return null;
            _rooms += connection.Offer(answer);
            Shrink();
            return string.Create(
                CultureInfo.InvariantCulture, $"s{answer.Position}~{connection.Name}~{connection.Number}");
        }
    }

    /// <summary>Reads a pos; null where it is none.</summary>
    public static SlidingPos? Parse(string text)
    {
        var parts = text.Split('~');
        return parts is [['s', .. var position], { Length: > 0 } name, var number]
            && long.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                ? new SlidingPos(at, name, count)
                : null;
    }

    private bool Confirm(SlidingConnection connection, long number)
    {
        var before = connection.RoomCount;
        var isKnown = connection.Confirm(number);
        _rooms += connection.RoomCount - before;
        return isKnown;
    }

    private void DropOthers((string User, string Device, string Id) kept)
    {
        var ofDevice = _connections.Where(one => one.Key.User == kept.User && one.Key.Device == kept.Device).ToList();
        foreach (var (key, connection) in ofDevice.OrderBy(one => one.Value.LastUsed))
        {
            if (ofDevice.Count <= PerDeviceMax)
                return;
            if (key == kept)
                continue;
            Remove(key, connection);
            ofDevice.RemoveAll(one => one.Key == key);
        }
    }

    private void Shrink()
    {
        while (_rooms > RoomsMax && _connections.Count > 1)
        {
            var (key, oldest) = _connections.MinBy(one => one.Value.LastUsed);
            Remove(key, oldest);
        }
    }

    private void Remove((string User, string Device, string Id) key, SlidingConnection connection)
    {
        _connections.Remove(key);
        _rooms -= connection.RoomCount;
        connection.End();
    }
}

/// <summary>One connection. LOCK: only under the lock of <see cref="SlidingConnections"/>.</summary>
public sealed class SlidingConnection(string name)
{
    private Told _confirmed = new(0, null, ImmutableDictionary<string, SentRoom>.Empty);
    private Told? _offered;

    public string Name => name;
    public long Number { get; private set; }
    public long LastUsed { get; set; }
    public SlidingTurn? Turn { get; private set; }
    public int RoomCount => _confirmed.Rooms.Count + (_offered?.Rooms.Count ?? 0);

    internal bool Confirm(long number)
    {
        if (_offered is { } offered && offered.Number == number)
            (_confirmed, _offered) = (offered, null);
        return _confirmed.Number == number && number > 0;
    }

    internal SlidingTurn Begin()
    {
        End();
        return Turn = new SlidingTurn(this, _confirmed.Position, _confirmed.Rooms);
    }

    internal int Offer(SlidingAnswer answer)
    {
        var before = RoomCount;
        _offered = new Told(++Number, answer.Position, answer.Sent);
        return RoomCount - before;
    }

    internal void End()
    {
        Turn?.End();
        Turn = null;
    }

    private sealed record Told(long Number, long? Position, ImmutableDictionary<string, SentRoom> Rooms);
}

/// <summary>One request on a connection: what the client has been told before it, and whether it was given
/// up.</summary>
public sealed class SlidingTurn(
    SlidingConnection connection, long? position, ImmutableDictionary<string, SentRoom> sent)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SlidingConnection Connection => connection;

    /// <summary>The position of the answer before; null at the beginning of a connection.</summary>
    public long? Position => position;

    public ImmutableDictionary<string, SentRoom> Sent => sent;

    /// <summary>Ends when another request takes over the connection.</summary>
    public Task Ended => _ended.Task;

    internal void End() => _ended.TrySetResult();
}
