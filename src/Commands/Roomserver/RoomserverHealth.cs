using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>Which rooms had to be stopped. Any is a reason to look: health is red.</summary>
public sealed class RoomserverHealth
{
    private ImmutableDictionary<string, string> _roomIdToReason =
        ImmutableDictionary.Create<string, string>(StringComparer.Ordinal);

    public bool IsHealthy => _roomIdToReason.IsEmpty;

    /// <summary>Quarantined rooms and the invariant that did not hold, ordered by room id.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Quarantined =>
        [.. _roomIdToReason.OrderBy(entry => entry.Key, StringComparer.Ordinal)];

    internal void Quarantine(RoomId roomId, string reason) => ImmutableInterlocked.AddOrUpdate(
        ref _roomIdToReason, roomId.Value, reason, (_, _) => reason);
}
