using Matrix.EventSourced.Facts.KeyServer;

namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>What devices have left to give out: every sync says it, so it is kept in memory once it was read.</summary>
/// <remarks>Bounded; what fell out is read again. LOCK: a leaf.</remarks>
public sealed class LiveKeySupplies
{
    /// <summary>LIMIT: devices remembered. Ours: some megabytes; more than sync at once.</summary>
    private const int DevicesMax = 50_000;

    public static readonly KeySupply None = new([], []);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string User, string Device), KeySupply> _deviceToSupply = [];
    private long _generation;

    /// <summary>What the device has, or null and a ticket with which to hand in what the tables say.</summary>
    public (KeySupply? Supply, long Ticket) Find(string userId, string deviceId)
    {
        lock (_lock)
            return (_deviceToSupply.GetValueOrDefault((userId, deviceId)), _generation);
    }

    /// <summary>What the tables said. A change that was committed meanwhile is newer and stays.</summary>
    internal void Loaded(string userId, string deviceId, KeySupply supply, long ticket)
    {
        lock (_lock)
        {
            if (ticket == _generation)
                _deviceToSupply.TryAdd((userId, deviceId), supply);
        }
    }

    internal void Changed(string userId, string deviceId, KeySupply supply)
    {
        lock (_lock)
        {
            if (_deviceToSupply.Count >= DevicesMax && !_deviceToSupply.ContainsKey((userId, deviceId)))
                Clear();
            _deviceToSupply[(userId, deviceId)] = supply;
        }
    }

    internal void Gone(string userId, string deviceId) => Changed(userId, deviceId, None);

    internal void Reset()
    {
        lock (_lock)
            Clear();
    }

    private void Clear()
    {
        _deviceToSupply.Clear();
        _generation++;
    }
}
