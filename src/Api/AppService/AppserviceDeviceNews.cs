using System.Text.Json;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>What one transaction says of devices: whose lists changed, with whom no room is shared any more, and what
/// keys the service's own devices have left.</summary>
/// <remarks>
/// MSC3202, which v1.19 has not, under its unstable names.
/// Shape: of each device the last that the transaction's facts say. Whether somebody shares a room is asked of the
/// tables as they are now: who left and is back is told of as changed.
/// </remarks>
internal sealed class AppserviceDeviceNews(AppserviceRegistration service, AppserviceQueries queries)
{
    private readonly SortedSet<string> _changed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _joined = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly HashSet<RoomId> _leftRooms = [];
    private readonly SortedDictionary<string, SortedDictionary<string, KeySupply>> _userToDeviceToSupply =
        new(StringComparer.Ordinal);

    private DeviceListChanges _lists = DeviceListChanges.None;

    public bool IsEmpty => _lists.IsEmpty && _userToDeviceToSupply.Count == 0;

    /// <summary>Takes a fact into account that the transaction holds.</summary>
    public void Add(IFact fact, StoredEvent? stored)
    {
        if (!service.TracksDevices)
            return;
        switch (fact)
        {
            case IOneTimeKeyFact keys when service.OwnsUser(keys.UserId):
                if (!_userToDeviceToSupply.TryGetValue(keys.UserId.Value, out var deviceToSupply))
                    _userToDeviceToSupply[keys.UserId.Value] = deviceToSupply = new(StringComparer.Ordinal);
                deviceToSupply[keys.DeviceId] = keys.Supply;
                break;
            case PduRecorded { StrippedState: null } when stored is { Type: "m.room.member" }:
                AddMember(stored);
                break;
            default:
                if (ChangedDeviceLists.Of(fact) is { } user)
                    _changed.Add(user.Value);
                break;
        }
    }

    /// <summary>Asks who shares a room now.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        if (_changed.Count + _joined.Count + _gone.Count + _leftRooms.Count == 0)
            return;
        foreach (var room in _leftRooms)
            _gone.UnionWith(await queries.LostMembersAsync(service, room, cancellationToken));
        var sharing = _joined.Count + _gone.Count == 0
            ? []
            : await queries.SharingAsync(service, [.. _joined, .. _gone], cancellationToken);
        _changed.UnionWith(_joined.Where(sharing.Contains));
        var left = _gone.Where(user => !sharing.Contains(user) && !IsOurs(user)).Order(StringComparer.Ordinal);
        _lists = new DeviceListChanges([.. _changed], [.. left]);
    }

    public void Write(Utf8JsonWriter json)
    {
        if (!_lists.IsEmpty)
        {
            json.WriteStartObject("org.matrix.msc3202.device_lists"u8);
            DeviceListWriter.WriteMembers(json, _lists);
            json.WriteEndObject();
        }
        if (_userToDeviceToSupply.Count == 0)
            return;
        // Services look for either name.
        WriteSupplies(json, "org.matrix.msc3202.device_one_time_keys_count"u8, DeviceListWriter.WriteCounts);
        WriteSupplies(json, "org.matrix.msc3202.device_one_time_key_counts"u8, DeviceListWriter.WriteCounts);
        WriteSupplies(
            json, "org.matrix.msc3202.device_unused_fallback_key_types"u8, DeviceListWriter.WriteUnusedFallback);
    }

    /// <summary>A new name is no news of devices.</summary>
    private void AddMember(StoredEvent stored)
    {
        var pdu = stored.Pdu;
        if (!UserId.TryParse(pdu.StateKey, out var user))
            return;
        var isJoined = pdu.Membership == "join";
        if (isJoined == (stored.Replaced?.Parse().Membership == "join"))
            return;
        if (!service.OwnsUser(user))
            (isJoined ? _joined : _gone).Add(user.Value);
        else if (!isJoined)
            _leftRooms.Add(pdu.RoomId);
    }

    private bool IsOurs(string user) => UserId.TryParse(user, out var userId) && service.OwnsUser(userId);

    private void WriteSupplies(Utf8JsonWriter json, ReadOnlySpan<byte> name, Action<Utf8JsonWriter, KeySupply> write)
    {
        json.WriteStartObject(name);
        foreach (var (user, deviceToSupply) in _userToDeviceToSupply)
        {
            json.WriteStartObject(user);
            foreach (var (device, supply) in deviceToSupply)
            {
                json.WritePropertyName(device);
                write(json, supply);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
