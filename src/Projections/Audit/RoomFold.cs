using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>A room's current state, made from the deltas of its stream alone: no table, no state node is
/// read.</summary>
/// <remarks>Shape: what each entry holds, and since which fact. The root is computed from the entries.</remarks>
internal sealed class RoomFold
{
    private readonly Dictionary<StateTuple, HeldEntry> _tupleToEntry = [];

    public IReadOnlyDictionary<StateTuple, HeldEntry> Entries => _tupleToEntry;

    /// <summary>The root that the last fact names; null before the first.</summary>
    public StateRoot? NamedRoot { get; private set; }

    public string? RoomVersion { get; private set; }

    public LogPosition Position { get; private set; }

    public StateRoot ComputeRoot() =>
        StateMap.FromEntries(_tupleToEntry.Select(entry => new StateEntry(entry.Key, entry.Value.EventId))).Root;

    /// <summary>Takes one fact; answers what it changed.</summary>
    public IReadOnlyList<StateChange> Apply(LogRecord record, PduRecorded fact)
    {
        var changes = new List<StateChange>();
        foreach (var tuple in fact.StateRemoved)
        {
            if (_tupleToEntry.Remove(tuple, out var before))
                changes.Add(new(tuple, before.EventId, null, record, fact));
        }
        foreach (var entry in fact.StateAdded)
        {
            _tupleToEntry.TryGetValue(entry.Tuple, out var before);
            _tupleToEntry[entry.Tuple] = new(entry.EventId, record.Position);
            if (before?.EventId != entry.EventId)
                changes.Add(new(entry.Tuple, before?.EventId, entry.EventId, record, fact));
        }
        (NamedRoot, RoomVersion, Position) = (fact.CurrentState, fact.RoomVersion, record.Position);
        return changes;
    }

    /// <summary>Decodes a record of a room's stream; null for one that no reader of rooms has to know.</summary>
    public static PduRecorded? Decode(LogRecord record) =>
        FactCodec.Decode(record.Type, record.Data) as PduRecorded;
}

/// <summary>What a state tuple holds, and the position of the fact that put it there.</summary>
internal sealed record HeldEntry(EventId EventId, LogPosition Since);

/// <summary>One entry of a room's state that changed: After null means that it is gone.</summary>
internal sealed record StateChange(
    StateTuple Tuple, EventId? Before, EventId? After, LogRecord Record, PduRecorded Fact);
