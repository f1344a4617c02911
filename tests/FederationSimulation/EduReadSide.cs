using System.Collections.Immutable;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What the EduServer of one process asks of its tables, which are as new as the log then.</summary>
internal sealed class EduReadSide(ServerTables tables, SimulatedLog process, ServerName us) : IEduLookup, IToDeviceLookup
{
    public async ValueTask<IReadOnlyList<(RoomId RoomId, ImmutableArray<Typist> Typists)>> TypingRoomsAsync(
        CancellationToken cancellationToken) =>
        [.. (await ReadAsync()).Typing.Select(entry => (entry.Key, entry.Value.Typists))];

    public async ValueTask<KnownReceipt?> FindReceiptAsync(RoomId roomId, UserId userId, string type, string? threadId) =>
        (await ReadAsync()).Receipts.GetValueOrDefault((roomId, userId, type, threadId)) is { } known
            ? new KnownReceipt(known.EventId, known.Ts)
            : null;

    public async ValueTask<IReadOnlyList<PresenceChanged>> PresentUsersAsync(CancellationToken cancellationToken) =>
        [.. (await ReadAsync()).Presence.Values.Where(presence => presence.Presence != PresenceState.Offline)];

    public async ValueTask<IReadOnlySet<UserId>> ReachableAsync(IReadOnlyList<UserId> users)
    {
        var edus = await ReadAsync();
        return users.Where(user => !user.IsOn(us) || edus.HasDevice(user)).ToHashSet();
    }

    public async ValueTask<bool> HasPendingAsync(UserId user, string deviceId, long upTo) =>
        (await ReadAsync()).Pending.TryGetValue((user, deviceId), out var pending) && pending.Keys.Any(position => position <= upTo);

    /// <summary>A run is shorter than the time for which everything is kept.</summary>
    public ValueTask<long?> FindOldestWaitingAsync(UserId user) => new(0);

    /// <summary>What waits for a device, as its <c>/sync</c> shows it.</summary>
    public async ValueTask<List<KeyValuePair<long, string>>> PendingAsync(UserId user, string deviceId) =>
        [.. (await ReadAsync()).Pending[(user, deviceId)]];

    private async ValueTask<EduTables> ReadAsync()
    {
        var head = await tables.ReadHeadAsync();
        await process.PauseAsync();
        tables.ApplyEdus(head);
        return tables.Edus;
    }
}
