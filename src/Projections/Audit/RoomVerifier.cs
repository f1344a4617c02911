using System.Collections.Immutable;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Checks each fact of a room against those before it: what the room becomes follows from them.</summary>
/// <remarks>
/// <code>
///   deltas ─► state root, state before    entries ─► the PDU that they name is of that type and state key
///   prev_events ─► forward extremities    depth ─► the largest of what was accepted
///   redaction ─► what it takes away       disposition ─► has a reason, moves the room on, or neither
/// </code>
/// Requires: facts in the order of the log. Cost: memory grows with the room's PDUs, a few words each.
/// </remarks>
internal sealed class RoomVerifier(ServerName self)
{
    private readonly Dictionary<EventId, VerifiedPdu> _eventIdToPdu = [];
    private readonly HashSet<EventId> _citedEarly = [];
    private StateMap _current = StateMap.Empty;
    private ImmutableArray<EventId> _extremities = [];
    private long _depth;

    /// <param name="fact">The next fact of the room.</param>
    /// <param name="pdu">Its PDU; null when that cannot be read, which is found elsewhere.</param>
    public async ValueTask<IReadOnlyList<string>> CheckAsync(PduRecorded fact, Pdu? pdu)
    {
        var problems = new List<string>();
        if ((fact.Disposition is PduDisposition.Rejected or PduDisposition.SoftFailed) != (fact.Reason is not null))
            problems.Add($"its disposition {fact.Disposition} does not go with its reason '{fact.Reason}'");
        CheckRedaction(fact, pdu, problems);
        if (pdu is not null)
            CheckHeads(fact, pdu, problems);
        Keep(fact, pdu);
        await CheckStateBeforeAsync(fact, problems);
        await CheckStateAsync(fact, problems);
        foreach (var extremity in fact.ForwardExtremities)
        {
            if (!_eventIdToPdu.ContainsKey(extremity))
                problems.Add($"its forward extremity {extremity} was never recorded");
        }
        (_extremities, _depth) = (fact.ForwardExtremities, fact.Depth);
        return problems;
    }

    private void Keep(PduRecorded fact, Pdu? pdu)
    {
        var isShown = fact.Disposition is PduDisposition.Accepted or PduDisposition.Backfilled;
        var wasShown = _eventIdToPdu.TryGetValue(fact.EventId, out var before) && before.IsShown;
        _eventIdToPdu[fact.EventId] = new(pdu?.StateTuple, pdu?.Sender.Server, isShown || wasShown, pdu is not null)
        {
            IsRedaction = pdu?.Type == EventTypes.Redaction,
            Redacts = pdu?.Redacts,
        };
        if (!isShown || pdu is null)
            return;
        foreach (var prevEvent in pdu.PrevEvents)
        {
            if (!_eventIdToPdu.TryGetValue(prevEvent, out var cited) || !cited.IsShown)
                _citedEarly.Add(prevEvent);
        }
    }

    private void CheckRedaction(PduRecorded fact, Pdu? pdu, List<string> problems)
    {
        if (pdu is null)
            return;
        // An erased redaction of the older room versions does not say any more what it redacted.
        if (fact.RedactedBy is { } by && (!_eventIdToPdu.TryGetValue(by, out var redaction)
            || !redaction.IsShown || !redaction.IsRedaction || (redaction.Redacts ?? pdu.EventId) != pdu.EventId))
            problems.Add($"it is said to be redacted by {by}, which does not");
        if (fact.RedactsApplied is { } target)
        {
            // An erased redaction of the older room versions does not say any more what it redacted.
            if (pdu.Type != EventTypes.Redaction || (pdu.Redacts is { } said && said != target))
                problems.Add($"it is said to redact {target}, which its PDU does not");
            return;
        }
        var isShown = fact.Disposition is PduDisposition.Accepted or PduDisposition.Backfilled;
        if (isShown && pdu is { Type: EventTypes.Redaction, StateKey: null, Redacts: { } own }
            && _eventIdToPdu.TryGetValue(own, out var known) && known.IsShown && known.Server == pdu.Sender.Server)
            problems.Add($"its PDU redacts {own}, but it is not said to");
    }

    /// <summary>Only what is accepted moves a room on: it replaces the extremities that it cites.</summary>
    private void CheckHeads(PduRecorded fact, Pdu pdu, List<string> problems)
    {
        var isAccepted = fact.Disposition == PduDisposition.Accepted;
        var depth = isAccepted ? Math.Max(_depth, pdu.Depth) : _depth;
        if (fact.Depth != depth)
            problems.Add($"its depth {fact.Depth} is not the room's, {depth}");
        if (!HeadsHold(fact, pdu, isAccepted))
        {
            problems.Add($"its forward extremities {string.Join(' ', fact.ForwardExtremities)} do not follow from "
                + $"{string.Join(' ', _extremities)}");
        }
    }

    private bool HeadsHold(PduRecorded fact, Pdu pdu, bool isAccepted)
    {
        if (!isAccepted)
            return fact.ForwardExtremities.SequenceEqual(_extremities);
        // A join through another server begins the room anew, at the join.
        if (fact.ForwardExtremities is [var only] && only == pdu.EventId && fact.SendOn is null
            && pdu.Membership == "join" && pdu.Sender.Server == self)
            return true;
        var left = _extremities.RemoveAll(pdu.PrevEvents.Contains);
        if (fact.ForwardExtremities.SequenceEqual(left.Add(pdu.EventId)))
            return true;
        return _citedEarly.Contains(pdu.EventId)
            && fact.ForwardExtremities.SequenceEqual(left.IsEmpty ? _extremities : left);
    }

    private async ValueTask CheckStateAsync(PduRecorded fact, List<string> problems)
    {
        foreach (var tuple in fact.StateRemoved)
        {
            if (await _current.GetAsync(tuple) is null)
                problems.Add($"it removes {tuple}, which the state does not hold");
            _current = await _current.RemoveAsync(tuple);
        }
        foreach (var entry in fact.StateAdded)
        {
            if (!_eventIdToPdu.TryGetValue(entry.EventId, out var held))
                problems.Add($"it puts {entry.EventId} into the state, which no fact has recorded");
            else if (held.IsRead && held.Tuple != entry.Tuple)
                problems.Add($"it puts {entry.EventId} into the state at {entry.Tuple}, where that does not belong");
            _current = await _current.SetAsync(entry.Tuple, entry.EventId);
        }
        if (_current.Root != fact.CurrentState)
            problems.Add($"its deltas come to the state {_current.Root}, it names {fact.CurrentState}");
    }

    /// <summary>Of outliers, rejected ones too, no state is known.</summary>
    private async ValueTask CheckStateBeforeAsync(PduRecorded fact, List<string> problems)
    {
        if (fact.Disposition == PduDisposition.Outlier
            || (fact.Disposition == PduDisposition.Rejected && fact.StateBefore == StateMap.Empty.Root))
            return;
        var before = _current;
        foreach (var tuple in fact.StateBeforeRemoved)
            before = await before.RemoveAsync(tuple);
        foreach (var entry in fact.StateBeforeAdded)
            before = await before.SetAsync(entry.Tuple, entry.EventId);
        if (before.Root != fact.StateBefore)
            problems.Add($"its deltas come to the state {before.Root} before it, it names {fact.StateBefore}");
    }

    /// <summary>What later facts are checked against; Server and Tuple are unknown when it could not be read.</summary>
    private readonly record struct VerifiedPdu(StateTuple? Tuple, ServerName? Server, bool IsShown, bool IsRead)
    {
        public bool IsRedaction { get; init; }

        public EventId? Redacts { get; init; }
    }
}
