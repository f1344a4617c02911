using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>The parsed PDUs of those state entries that a room's decisions have asked for; filled on demand and kept up
/// with the state.</summary>
/// <remarks>
/// Shape: a null value means that the current state has no such entry. Owned by the room's worker.
/// LIMIT: emptied between commands beyond <see cref="Limits.RoomEntriesMax"/>; a large room then loads again what it
/// needs.
/// </remarks>
internal sealed class RoomEntries(RoomStore store)
{
    private Dictionary<StateTuple, Pdu?> _tupleToPdu = [];

    /// <summary>The power levels in force, parsed.</summary>
    public ParsedPowerLevels Levels { get; } = new();

    public IReadOnlyDictionary<StateTuple, Pdu?> Loaded => _tupleToPdu;

    /// <summary>A copy that stays as it is when the room moves on.</summary>
    public IReadOnlyDictionary<StateTuple, Pdu?> Copy(IReadOnlyList<StateTuple> tuples)
    {
        var copy = new Dictionary<StateTuple, Pdu?>(tuples.Count);
        foreach (var tuple in tuples)
            copy[tuple] = _tupleToPdu[tuple];
        return copy;
    }

    public void Clear() => _tupleToPdu = [];

    public void Trim()
    {
        if (_tupleToPdu.Count > Limits.RoomEntriesMax)
            Clear();
    }

    public ValueTask LoadAsync(RoomState room, StateTuple tuple) =>
        _tupleToPdu.ContainsKey(tuple) ? ValueTask.CompletedTask : FetchAsync(room, tuple);

    /// <summary>Takes in an entry of the current state that its worker has at hand.</summary>
    public void Set(StateTuple tuple, Pdu pdu) => _tupleToPdu[tuple] = pdu;

    /// <summary>Takes in what a decided PDU changes.</summary>
    public void Take(DecidedPdu decided)
    {
        if (decided.Pdu.StateTuple is { } tuple)
            _tupleToPdu[tuple] = decided.Pdu;
        if (decided.RedactsApplied is { } redacted)
            Redact(redacted);
    }

    /// <summary>A redacted state PDU authorises by what is left of it.</summary>
    private void Redact(EventId redacted)
    {
        foreach (var (tuple, pdu) in _tupleToPdu)
        {
            if (pdu?.EventId != redacted)
                continue;
            _tupleToPdu[tuple] = PduParser.ParseStored(Redaction.Redact(pdu), pdu.Rules, pdu.EventId);
            return;
        }
    }

    private async ValueTask FetchAsync(RoomState room, StateTuple tuple)
    {
        var eventId = await room.Current.GetAsync(tuple);
        _tupleToPdu[tuple] = eventId is { } id ? await store.ReadPduAsync(id, room.Rules) : null;
    }
}
