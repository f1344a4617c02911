using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>A PDU that this server has decided on, with the state before it.</summary>
internal sealed record DecidedBefore(Pdu Pdu, PduDisposition Disposition, StateRoot StateBefore)
{
    /// <summary>Whether a PDU that cites it has a known state: outliers have none.</summary>
    public bool HasState => Disposition != PduDisposition.Outlier;

    /// <summary>Rejected as an outlier: not built upon, and its state means nothing.</summary>
    public bool IsRejected => Disposition == PduDisposition.Rejected;

    /// <summary>When it was kept, on the clock of <see cref="DecidedPdus"/>.</summary>
    public long KeptAt { get; init; }
}

/// <summary>The PDUs of the log that decisions look at, the latest ones in memory.</summary>
/// <remarks>Shape: shared by all rooms; what the log has not taken yet is not in it.</remarks>
internal sealed class DecidedPdus(IPduStore store)
{
    /// <summary>LIMIT: PDUs kept for decisions. Ours: some tens of MiB.</summary>
    private const int KeptMax = 16_384;

    private readonly LruCache<EventId, DecidedBefore> _kept = new(KeptMax);

    private long _keptAt;

    /// <summary>A clock that counts what was kept.</summary>
    public long Now => Interlocked.Read(ref _keptAt);

    public void Keep(DecidedBefore decided) =>
        _kept.Set(decided.Pdu.EventId, decided with { KeptAt = Interlocked.Increment(ref _keptAt) });

    /// <summary>Its content was taken out; what is stored is read again.</summary>
    public void Forget(EventId eventId) => _kept.Remove(eventId);

    public DecidedBefore? FindKept(EventId eventId) => _kept.Find(eventId);

    public async ValueTask<IReadOnlyList<DecidedBefore>> ReadAsync(RoomId roomId, IReadOnlyList<EventId> eventIds)
    {
        var stored = await store.FindAsync(eventIds);
        var found = new List<DecidedBefore>(stored.Count);
        foreach (var one in stored)
        {
            // An id of another room (versions 1 and 2 let servers choose them) names nothing in this one.
            if (one.RoomId != roomId)
                continue;
            var rules = RoomVersionRules.Find(one.RoomVersion);
            Invariant.Holds(rules is not null, "the version of a stored PDU is known");
            var decided = new DecidedBefore(
                PduParser.ParseStored(one.Json, rules, one.EventId), one.Disposition, one.StateBefore);
            Keep(decided);
            found.Add(decided);
        }
        return found;
    }
}

/// <summary>The PDUs of one room as one input sees them: what it has decided itself, on top of the log's.</summary>
/// <remarks>An outlier may have been decided anew since: one kept before <paramref name="loadedAt"/>, when the room was
/// loaded, is read again. After a failed append, or beside a second process, memory cannot know.</remarks>
internal sealed class KnownPdus(RoomId roomId, DecidedPdus log, IRoomGraph graph, long loadedAt) : IPduSource
{
    private readonly Dictionary<EventId, DecidedBefore?> _idToPdu = [];

    /// <summary>What this input has decided, in order.</summary>
    public List<DecidedBefore> Decided { get; } = [];

    public void Add(DecidedBefore decided)
    {
        Decided.Add(decided);
        Foresee(decided);
    }

    /// <summary>Makes a PDU findable whose decision is about to be recorded.</summary>
    public void Foresee(DecidedBefore decided) => _idToPdu[decided.Pdu.EventId] = decided;

    /// <summary>A PDU that this input has looked at or decided; null for any other.</summary>
    public DecidedBefore? FindHere(EventId eventId) => _idToPdu.GetValueOrDefault(eventId);

    public async ValueTask<DecidedBefore?> FindAsync(EventId eventId)
    {
        if (!_idToPdu.ContainsKey(eventId))
            await LoadAsync([eventId]);
        return _idToPdu[eventId];
    }

    /// <summary>Reads what is not there yet, at once.</summary>
    public async ValueTask LoadAsync(IEnumerable<EventId> eventIds)
    {
        List<EventId>? wanted = null;
        foreach (var eventId in eventIds)
        {
            if (_idToPdu.ContainsKey(eventId))
                continue;
            var kept = log.FindKept(eventId);
            if (kept is { HasState: false } && kept.KeptAt <= loadedAt)
                kept = null;
            _idToPdu[eventId] = kept is not null && kept.Pdu.RoomId == roomId ? kept : null;
            if (kept is null)
                (wanted ??= []).Add(eventId);
        }
        if (wanted is null)
            return;
        foreach (var found in await log.ReadAsync(roomId, wanted))
            _idToPdu[found.Pdu.EventId] = found;
    }

    public async ValueTask<IReadOnlyList<KnownPdu?>> GetAsync(IReadOnlyList<EventId> eventIds)
    {
        await LoadAsync(eventIds);
        var found = new KnownPdu?[eventIds.Count];
        for (var i = 0; i < found.Length; i++)
        {
            if (_idToPdu[eventIds[i]] is { } known)
                found[i] = new KnownPdu(known.Pdu, known.IsRejected);
        }
        return found;
    }

    public async IAsyncEnumerable<StateEntry> CitedByAsync(EventId eventId)
    {
        foreach (var decided in Decided)
        {
            if (decided.Pdu.StateTuple is { } tuple && decided.Pdu.AuthEvents.Contains(eventId))
                yield return new StateEntry(tuple, decided.Pdu.EventId);
        }
        foreach (var entry in await graph.CitedByAsync(roomId, eventId))
            yield return entry;
    }
}
