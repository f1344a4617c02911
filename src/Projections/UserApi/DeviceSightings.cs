using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

// HOT: asked for every request.

/// <summary>When a device was used last, and from where.</summary>
/// <remarks>Units: SeenAtMs, Unix milliseconds. Shape: UserAgent null where the client named no program.</remarks>
public sealed record DeviceSighting(long SeenAtMs, string Address, string? UserAgent);

/// <summary>Which devices were used since the last round, before a round writes them to their table.</summary>
/// <remarks>
/// <code>
///   request ─► Note ─► noted ──BeginRound──► leaving ──EndRound──► (the table has them)
///                        │                      │
///                        └── Find looks here, ──┴─ then here; what neither knows is in the table
/// </code>
/// The first use of a device in a round is kept, the others of that round are not: one small object a device and round,
/// no question to a database, nothing appended to the log. ADR 0083.
/// Cost: one look-up under a lock that is held for nothing longer.
/// </remarks>
public sealed class DeviceSightings
{
    private readonly Lock _lock = new();
    private Dictionary<DeviceKey, DeviceSighting?> _noted = [];
    private Dictionary<DeviceKey, DeviceSighting?> _leaving = [];

    /// <summary>Whether the device was noted since the last round began: then there is nothing to do.</summary>
    public bool IsNoted(UserId user, string deviceId)
    {
        lock (_lock)
            return _noted.TryGetValue(new DeviceKey(user.Value, deviceId), out var known) && known is not null;
    }

    public void Note(UserId user, string deviceId, DeviceSighting sighting)
    {
        var key = new DeviceKey(user.Value, deviceId);
        lock (_lock)
        {
            if (_noted.Count < Limits.SightingsPerRoundMax || _noted.ContainsKey(key))
                _noted[key] = sighting;
        }
    }

    /// <summary>The device is gone; what is known of it goes too, here at once and in the table with the next
    /// round.</summary>
    public void Forget(UserId user, string deviceId)
    {
        lock (_lock)
            _noted[new DeviceKey(user.Value, deviceId)] = null;
    }

    /// <summary>What memory knows of a device.</summary>
    /// <returns>Whether it knows anything; a null sighting then means that the device was deleted.</returns>
    internal bool TryFind(UserId user, string deviceId, out DeviceSighting? sighting)
    {
        var key = new DeviceKey(user.Value, deviceId);
        lock (_lock)
            return _noted.TryGetValue(key, out sighting) || _leaving.TryGetValue(key, out sighting);
    }

    /// <summary>What is to be written now, in the order of the keys; null for what is to be deleted.</summary>
    /// <remarks>Requires: one round at a time. What a failed round left is in the next one.</remarks>
    internal KeyValuePair<DeviceKey, DeviceSighting?>[] BeginRound()
    {
        KeyValuePair<DeviceKey, DeviceSighting?>[] round;
        lock (_lock)
        {
            if (_leaving.Count == 0)
            {
                _leaving = _noted;
            }
            else
            {
                foreach (var (key, sighting) in _noted)
                    _leaving[key] = sighting;
            }
            _noted = [];
            round = new KeyValuePair<DeviceKey, DeviceSighting?>[_leaving.Count];
            ((ICollection<KeyValuePair<DeviceKey, DeviceSighting?>>)_leaving).CopyTo(round, 0);
        }
        Array.Sort(round, static (a, b) => a.Key.CompareTo(b.Key));
        return round;
    }

    /// <summary>The round is in the table.</summary>
    internal void EndRound()
    {
        lock (_lock)
            _leaving = [];
    }
}

/// <summary>One device of one user.</summary>
internal readonly record struct DeviceKey(string UserId, string DeviceId) : IComparable<DeviceKey>
{
    public int CompareTo(DeviceKey other)
    {
        var byUser = string.CompareOrdinal(UserId, other.UserId);
        return byUser != 0 ? byUser : string.CompareOrdinal(DeviceId, other.DeviceId);
    }
}
