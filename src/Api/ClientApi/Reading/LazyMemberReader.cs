using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>The member events of a page's senders, for lazy loading.</summary>
/// <remarks>Spec: v1.19 client-server-api #lazy-loading-room-members.</remarks>
internal static class LazyMemberReader
{
    public static async ValueTask<IReadOnlyList<StoredEvent>> ReadAsync(
        RoomReader reader, RoomAccess access, IReadOnlyList<StoredEvent> events, CancellationToken cancellationToken)
    {
        if (events.Count == 0)
            return [];
        var senders = new SortedSet<string>(StringComparer.Ordinal);
        var at = 0L;
        foreach (var stored in events)
        {
            senders.Add(stored.Sender);
            at = Math.Max(at, stored.Position);
        }
        at = Math.Min(at, access.StateAt);
        var entries = new List<StateEntryAt>(senders.Count);
        foreach (var sender in senders)
            entries.Add(new(access.RoomId.Value, at, "m.room.member", sender));
        return await reader.ReadStateEntriesAsync(entries, cancellationToken);
    }
}
