using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>How a user came to be outside of a room.</summary>
internal enum LeftKind
{
    /// <summary>They left it.</summary>
    Left,

    /// <summary>They were kicked or banned out of it.</summary>
    PutOut,

    /// <summary>They never were in it: an invite or a knock that came to nothing, a ban from outside.</summary>
    NeverIn,
}

/// <summary>Tells how users left rooms, by their member events, which never change.</summary>
/// <remarks>Cost: nothing for those looked at before; else one round trip for all.</remarks>
public sealed class LeftRooms(RoomReader reader)
{
    /// <summary>LIMIT: member events remembered. Ours: some 100 bytes each.</summary>
    private const int KeptMax = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LeftKind> _kept = [];

    /// <summary>By the event id of the membership.</summary>
    internal async ValueTask<IReadOnlyDictionary<string, LeftKind>> ReadAsync(
        IReadOnlyList<UserMembership> memberships, CancellationToken cancellationToken)
    {
        var kinds = new Dictionary<string, LeftKind>(memberships.Count);
        var missing = new List<UserMembership>();
        lock (_lock)
        {
            foreach (var membership in memberships)
            {
                if (_kept.TryGetValue(membership.EventId, out var kind))
                    kinds[membership.EventId] = kind;
                else
                    missing.Add(membership);
            }
        }
        if (missing.Count == 0)
            return kinds;
        var batch = reader.Begin();
        var events = batch.Events(missing.ConvertAll(membership => membership.EventId));
        await batch.ExecuteAsync(cancellationToken);
        foreach (var membership in missing)
            kinds[membership.EventId] = LeftKind.NeverIn;
        foreach (var stored in events)
            kinds[stored.EventId] = KindOf(stored);
        lock (_lock)
        {
            if (_kept.Count + missing.Count > KeptMax)
                _kept.Clear();
            foreach (var membership in missing)
                _kept[membership.EventId] = kinds[membership.EventId];
        }
        return kinds;
    }

    private static LeftKind KindOf(StoredEvent member) =>
        Memberships.Find(member.Replaced?.Parse().FindContentString("membership"u8)) is not Membership.Join
            ? LeftKind.NeverIn
            : member.Sender == member.StateKey ? LeftKind.Left : LeftKind.PutOut;
}
