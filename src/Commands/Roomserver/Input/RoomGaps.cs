using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>What a room speaks of and does not have: kept up by each input, so that no input asks for it.</summary>
internal sealed class RoomGaps(IEnumerable<EventId> missingLinks, IEnumerable<RedactionInWaiting> redactions)
{
    private readonly Dictionary<EventId, List<EventId>> _targetToRedactions = redactions
        .GroupBy(waiting => waiting.Target)
        .ToDictionary(group => group.Key, group => group.Select(waiting => waiting.Redaction).ToList());

    /// <summary>PDUs that what is shown of the room cites as prev_events, and that are not here.</summary>
    public HashSet<EventId> MissingLinks { get; } = [.. missingLinks];

    /// <summary>Redactions in the room that name this PDU and have had no effect, those that came first before
    /// others.</summary>
    public IReadOnlyList<EventId> RedactionsOf(EventId target) => _targetToRedactions.GetValueOrDefault(target) ?? [];

    /// <summary>Notes that a redaction came into the room without effect: its target is not here, or it may
    /// not.</summary>
    public void Wait(Pdu redaction)
    {
        if (redaction.Type != EventTypes.Redaction || redaction.StateKey is not null
            || redaction.Redacts is not { } target)
            return;
        if (!_targetToRedactions.TryGetValue(target, out var waiting))
            _targetToRedactions[target] = waiting = [];
        waiting.Add(redaction.EventId);
    }
}
