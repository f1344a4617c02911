using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What the projections of EDUs and of messages to devices hold of one server, in memory.</summary>
internal sealed class EduTables
{
    private readonly Dictionary<UserId, List<string>> _devices = [];

    /// <summary>Who types, in rooms where somebody does.</summary>
    public Dictionary<RoomId, TypingChanged> Typing { get; } = [];

    public Dictionary<(RoomId Room, UserId User, string Type, string? Thread), ReceiptRecorded> Receipts { get; } = [];

    public Dictionary<UserId, PresenceChanged> Presence { get; } = [];

    /// <summary>What waits for each device, by where it stands in the log.</summary>
    public Dictionary<(UserId User, string Device), SortedDictionary<long, string>> Pending { get; } = [];

    public void Apply(IEnumerable<DecodedRecord> batch)
    {
        foreach (var record in batch)
            Apply(record);
    }

    public bool HasDevice(UserId user) => _devices.ContainsKey(user);

    private void Apply(DecodedRecord record)
    {
        switch (record.Fact)
        {
            case TypingChanged { Typists.IsDefaultOrEmpty: true } typing:
                Typing.Remove(typing.RoomId);
                break;
            case TypingChanged typing:
                Typing[typing.RoomId] = typing;
                break;
            case ReceiptRecorded receipt:
                Receipts[(receipt.RoomId, receipt.UserId, receipt.Type, receipt.ThreadId)] = receipt;
                break;
            case PresenceChanged presence:
                Presence[presence.UserId] = presence;
                break;
            case DeviceCreated device:
                if (!_devices.TryGetValue(device.UserId, out var devices))
                    _devices[device.UserId] = devices = [];
                devices.Add(device.DeviceId);
                Pending[(device.UserId, device.DeviceId)] = [];
                break;
            case ToDeviceSent sent when _devices.TryGetValue(sent.Recipient, out var reached):
                foreach (var device in reached)
                {
                    var message = sent.Messages.FirstOrDefault(message => message.DeviceId == device)
                        ?? sent.Messages.FirstOrDefault(message => message.DeviceId == "*");
                    if (message is not null)
                        Pending[(sent.Recipient, device)].Add((long)record.Record.Position.Value, message.Content.ToString());
                }
                break;
            case ToDeviceAcknowledged got when Pending.TryGetValue((got.UserId, got.DeviceId), out var pending):
                foreach (var position in pending.Keys.Where(position => position <= got.UpTo).ToList())
                    pending.Remove(position);
                break;
        }
    }
}
