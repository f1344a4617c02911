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
///        PduRecorded ─► event id, content hash, signatures ─► what the room becomes (RoomVerifier)
/// </code>
/// Cost: one pass over the log; memory grows with the current states of all rooms (what is shared is held once).
/// </remarks>
internal sealed class LogVerifier(IAuditedKeys keys, MediaVerifier media, TimeProvider time)
{
    /// <summary>Streams that keep all their records: a gap in them is a loss.</summary>
    private static readonly HashSet<string> WholeCategories =
    [
        StreamCategories.Room, StreamCategories.User, StreamCategories.AccountData, StreamCategories.Alias,
        StreamCategories.Directory, StreamCategories.Erasure, StreamCategories.Media,
    ];

    private readonly Dictionary<string, long> _streamToRevision = new(StringComparer.Ordinal);
    private readonly Dictionary<RoomId, RoomVerifier> _roomIdToRoom = [];
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
            var fact = FactCodec.Decode(record.Type, record.Data);
            media.Note(fact);
            if (fact is PduRecorded recorded)
                await CheckPduAsync(record, recorded, findings);
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
            _roomIdToRoom[fact.RoomId] = room = new RoomVerifier(keys.Self);
        foreach (var problem in await room.CheckAsync(fact, PduVerifier.Read(fact)))
            findings.Add(new(place, problem));
        Roots.Add(fact.CurrentState);
        if (fact.Disposition != PduDisposition.Outlier)
            Roots.Add(fact.StateBefore);
    }
}
