using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>A fact with what is parsed of it once for all readers.</summary>
internal sealed record SeenFact(PduRecorded Fact, Pdu Pdu, long Revision);

/// <summary>Every fact of the log, decoded once.</summary>
internal sealed class DecodedLog(IEventStore log)
{
    private readonly Dictionary<string, long> _streamToNext = new(StringComparer.Ordinal);
    private LogPosition _position = LogPosition.Start;

    public List<SeenFact> Facts { get; } = [];

    public Dictionary<RoomId, List<SeenFact>> RoomToFacts { get; } = [];

    /// <summary>Reads on to the head. Fails where the revisions of a room are not dense.</summary>
    public async ValueTask CatchUpAsync()
    {
        await foreach (var record in log.ReadAllAsync(_position, ReadDirection.Forwards, long.MaxValue))
        {
            _position = record.Position;
            if (record.Type != FactNames.PduRecorded)
                continue;
            var next = _streamToNext.GetValueOrDefault(record.Stream.Value);
            if (record.Revision != next)
                throw new SimulationFailure($"{record.Stream} has revision {record.Revision} where {next} comes");
            _streamToNext[record.Stream.Value] = next + 1;
            var fact = (PduRecorded)FactCodec.Decode(record.Type, record.Data);
            var pdu = PduParser.ParseStored(fact.Pdu.Utf8, RoomVersionRules.Find(fact.RoomVersion)!, fact.EventId);
            var seen = new SeenFact(fact, pdu, record.Revision);
            Facts.Add(seen);
            if (!RoomToFacts.TryGetValue(fact.RoomId, out var ofRoom))
                RoomToFacts[fact.RoomId] = ofRoom = [];
            ofRoom.Add(seen);
        }
    }
}
