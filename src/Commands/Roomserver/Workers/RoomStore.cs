using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>Loads rooms from the log and the state store. Shared by all workers; holds nothing.</summary>
internal sealed class RoomStore(IEventReader log, IStateNodeStore nodes, IPduStore pdus) : IStateNodeReader
{
    /// <summary>LIMIT: state nodes kept in memory. Ours: at most some 16 MiB.</summary>
    private const int NodesMax = 32_768;

    private readonly LruCache<StateRoot, byte[]> _nodes = new(NodesMax);

    /// <summary>The latest PDUs that decisions looked at.</summary>
    public DecidedPdus Decided { get; } = new(pdus);

    public static StreamName StreamOf(RoomId roomId) => new(StreamCategories.Room, roomId.Value);

    /// <summary>The room as the stream's last record says, or null when there is no such stream.</summary>
    public async ValueTask<RoomState?> LoadAsync(RoomId roomId)
    {
        await foreach (var record in log.ReadStreamAsync(StreamOf(roomId), null, ReadDirection.Backwards, 1))
            return await LoadAsync(record);
        return null;
    }

    /// <summary>The fact at one revision of a room.</summary>
    public async ValueTask<PduRecorded> ReadFactAsync(RoomId roomId, long revision)
    {
        await foreach (var record in log.ReadStreamAsync(StreamOf(roomId), revision, ReadDirection.Forwards, 1))
            return Decode(record);
        throw new InvariantException($"revision {revision} of a room's stream can be read");
    }

    /// <summary>Whether the record at a revision of a room says exactly this.</summary>
    public async ValueTask<bool> HoldsAsync(RoomId roomId, long revision, ReadOnlyMemory<byte> data)
    {
        await foreach (var record in log.ReadStreamAsync(StreamOf(roomId), revision, ReadDirection.Forwards, 1))
            return record.Data.Span.SequenceEqual(data.Span);
        return false;
    }

    /// <summary>The revision of the stream's last record; null when there is none.</summary>
    public async ValueTask<long?> ReadLastRevisionAsync(RoomId roomId)
    {
        await foreach (var record in log.ReadStreamAsync(StreamOf(roomId), null, ReadDirection.Backwards, 1))
            return record.Revision;
        return null;
    }

    public async ValueTask<Pdu> ReadPduAsync(EventId eventId, RoomVersionRules rules)
    {
        var found = await pdus.FindAsync([eventId]);
        Invariant.Holds(found.Count == 1, "a PDU that the room's state names is stored");
        return PduParser.ParseStored(found[0].Json, rules, eventId);
    }

    public ValueTask WriteNodesAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> newNodes) =>
        nodes.WriteAsync(newNodes);

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash)
    {
        if (_nodes.Find(hash) is { } kept)
            return kept;
        var bytes = await nodes.FindAsync(hash);
        Invariant.Holds(bytes is not null, "a node that a state root names is stored");
        _nodes.Set(hash, bytes.Value.ToArray());
        return bytes.Value;
    }

    private async ValueTask<RoomState> LoadAsync(LogRecord record)
    {
        var last = Decode(record);
        var rules = RoomVersionRules.Find(last.RoomVersion);
        Invariant.Holds(rules is not null, "the version of a stored room is known");
        var current = await StateMap.LoadAsync(last.CurrentState, this);
        var createId = await current.GetAsync(RoomTuples.Create);
        Invariant.Holds(
            createId is not null || last.ForwardExtremities.IsEmpty,
            "the state of a room that is here has a create event");
        return new RoomState
        {
            RoomId = last.RoomId,
            Rules = rules,
            FoundCreate = createId is { } id ? await ReadPduAsync(id, rules) : null,
            ForwardExtremities = last.ForwardExtremities,
            Depth = last.Depth,
            Current = current,
            Revision = record.Revision,
            Position = record.Position,
        };
    }

    private static PduRecorded Decode(LogRecord record)
    {
        var fact = FactCodec.Decode(record.Type, record.Data) as PduRecorded;
        Invariant.Holds(fact is not null, "a room's stream holds nothing but PduRecorded");
        return fact;
    }
}
