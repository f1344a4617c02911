using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Checks every record of the log by itself and against what came before it.</summary>
/// <remarks>
/// <code>
///   record ─► revision follows its stream's last ─► metadata and fact can be read
///        PduRecorded ─► event id, content hash, signatures ─► extremities known ─► deltas come to its root
/// </code>
/// Cost: one pass over the log; memory grows with the current states of all rooms (what is shared is held once).
/// </remarks>
internal sealed class LogVerifier(IAuditedKeys keys, TimeProvider time)
{
    /// <summary>Streams that keep all their records: a gap in them is a loss.</summary>
    private static readonly HashSet<string> WholeCategories =
    [
        StreamCategories.Room, StreamCategories.User, StreamCategories.AccountData, StreamCategories.Alias,
        StreamCategories.Directory, StreamCategories.Erasure,
    ];

    private readonly Dictionary<string, long> _streamToRevision = new(StringComparer.Ordinal);
    private readonly Dictionary<RoomId, VerifiedRoom> _roomIdToRoom = [];
    private readonly PduVerifier _pdus = new(keys, time);

    /// <summary>Every root that a fact names.</summary>
    public HashSet<StateRoot> Roots { get; } = [];

    public long RecordCount { get; private set; }

    /// <summary>What is wrong with the next record of the log.</summary>
    public async ValueTask<IReadOnlyList<Finding>> CheckAsync(LogRecord record)
    {
        RecordCount++;
        var findings = new List<Finding>();
        CheckRevision(record, findings);
        CheckMetadata(record, findings);
        if (!FactCodec.Knows(record.Type))
        {
            findings.Add(new(PlaceOf(record), "its type is not known to this program"));
            return findings;
        }
        try
        {
            if (FactCodec.Decode(record.Type, record.Data) is PduRecorded fact)
                await CheckPduAsync(record, fact, findings);
        }
        catch (MalformedFactException problem)
        {
            findings.Add(new(PlaceOf(record), $"it cannot be read: {problem.Message}"));
        }
        return findings;
    }

    /// <summary>What can be said only at the end: redacted content without a redaction.</summary>
    public IEnumerable<Finding> Finish() => _pdus.Finish();

    internal static string PlaceOf(LogRecord record) =>
        $"position {record.Position}, {record.Stream} revision {record.Revision}";

    private void CheckRevision(LogRecord record, List<Finding> findings)
    {
        var stream = record.Stream.Value;
        var isWhole = WholeCategories.Contains(record.Stream.Category.ToString());
        if (_streamToRevision.TryGetValue(stream, out var last)
            ? record.Revision <= last || (isWhole && record.Revision != last + 1)
            : isWhole && record.Revision != 0)
        {
            findings.Add(new(PlaceOf(record), $"it does not follow revision {(last == 0 ? "-1" : last)} of its stream"));
        }
        _streamToRevision[stream] = record.Revision;
    }

    private static void CheckMetadata(LogRecord record, List<Finding> findings)
    {
        try
        {
            FactCodec.DecodeMetadata(record.Metadata);
        }
        catch (MalformedFactException problem)
        {
            findings.Add(new(PlaceOf(record), $"its metadata cannot be read: {problem.Message}"));
        }
    }

    private async ValueTask CheckPduAsync(LogRecord record, PduRecorded fact, List<Finding> findings)
    {
        var place = PlaceOf(record);
        if (!record.Stream.Id.SequenceEqual(fact.RoomId.Value))
            findings.Add(new(place, $"it stands in another room's stream than {fact.RoomId}"));
        foreach (var problem in _pdus.Check(place, fact))
            findings.Add(new(place, problem));
        if (!_roomIdToRoom.TryGetValue(fact.RoomId, out var room))
            _roomIdToRoom[fact.RoomId] = room = new VerifiedRoom();
        foreach (var problem in await room.CheckAsync(fact))
            findings.Add(new(place, problem));
        Roots.Add(fact.CurrentState);
        if (fact.Disposition != PduDisposition.Outlier)
            Roots.Add(fact.StateBefore);
    }

    /// <summary>One room as its facts make it.</summary>
    private sealed class VerifiedRoom
    {
        private readonly HashSet<EventId> _eventIds = [];
        private StateMap _current = StateMap.Empty;
        private long _depth;

        public async ValueTask<IReadOnlyList<string>> CheckAsync(PduRecorded fact)
        {
            var problems = new List<string>();
            _eventIds.Add(fact.EventId);
            await CheckStateBeforeAsync(fact, problems);
            foreach (var tuple in fact.StateRemoved)
            {
                if (await _current.GetAsync(tuple) is null)
                    problems.Add($"it removes {tuple}, which the state does not hold");
                _current = await _current.RemoveAsync(tuple);
            }
            foreach (var entry in fact.StateAdded)
            {
                if (!_eventIds.Contains(entry.EventId))
                    problems.Add($"it puts {entry.EventId} into the state, which no fact has recorded");
                _current = await _current.SetAsync(entry.Tuple, entry.EventId);
            }
            if (_current.Root != fact.CurrentState)
                problems.Add($"its deltas come to the state {_current.Root}, it names {fact.CurrentState}");
            foreach (var extremity in fact.ForwardExtremities)
            {
                if (!_eventIds.Contains(extremity))
                    problems.Add($"its forward extremity {extremity} was never recorded");
            }
            if (fact.Depth < _depth)
                problems.Add($"its depth {fact.Depth} is below the room's {_depth}");
            _depth = Math.Max(_depth, fact.Depth);
            return problems;
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
    }
}
