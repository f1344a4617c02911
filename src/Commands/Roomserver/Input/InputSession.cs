using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>What the log is to say of one received PDU. Null: as it is in the room.</summary>
internal sealed record InputRecord(Pdu Pdu, PduDisposition Disposition)
{
    public string? Reason { get; init; }

    /// <summary>The state before it; null for outliers, of which it is not known.</summary>
    public StateMap? StateBefore { get; init; }

    /// <summary>The room's current state after it.</summary>
    public StateMap? Current { get; init; }

    public ImmutableArray<EventId>? ForwardExtremities { get; init; }

    public EventId? RedactsApplied { get; init; }

    public RawJson? StrippedState { get; init; }

    public ServerName? SendOn { get; init; }

    public OwnRequest? Own { get; init; }
}

/// <summary>One input while it is decided: the room as it becomes, and the records for it.</summary>
/// <remarks>
/// <code>
///   received ─► known? ─► 4 auth events ─► outlier: done
///                              │ state before: from prev_events (resolved), or as told
///                              ▼
///                         5 by the state before ─► 6 by the current state ─► 7 policy server
///                              │ rejected               │ soft-failed            │ soft-failed
///                              ▼ accepted: forward extremities, current state between them, redaction
/// </code>
/// Spec: v1.19 server-server-api #checks-performed-on-receipt-of-a-pdu. Nothing here goes to the network, and nothing
/// is written before all is decided.
/// </remarks>
internal sealed class InputSession(
    RoomId roomId,
    RoomState? before,
    RoomWorkerServices services,
    AuthGraph graph,
    RoomGaps gaps,
    long loadedAt)
{
    private readonly List<NewRecord> _history = [];
    private readonly HashSet<StateRoot> _nodeHashes = [];

    /// <summary>A map whose nodes are stored, or among <see cref="Nodes"/>.</summary>
    private StateMap _written = before?.Current ?? StateMap.Empty;

    /// <summary>The room as the log has it.</summary>
    public RoomState? Before { get; } = before;

    /// <summary>The room as it will be.</summary>
    public RoomState? Room { get; private set; } = before;

    /// <summary>The create PDU; set by an input that brings one.</summary>
    public Pdu? Create { get; set; } = before?.FoundCreate;

    public StateMap Current => Room?.Current ?? StateMap.Empty;

    public KnownPdus Pdus { get; } = new(roomId, services.Store.Decided, services.Graph, loadedAt);

    public InputChecks Checks => field ??= new InputChecks(Pdus);

    public RoomStates States => field ??= new RoomStates(Pdus, services.Store, graph);

    public List<InputOutcome> Outcomes { get; } = [];

    public List<NewRecord> Records { get; } = [];

    public List<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> Nodes { get; } = [];

    /// <summary>PDUs whose content was taken out.</summary>
    public List<EventId> Redacted { get; } = [];

    public required byte[] Metadata { get; init; }

    /// <summary>The room's policy server, as its worker finds it.</summary>
    public required RoomPolicy Policy { get; init; }

    /// <summary>This server.</summary>
    public ServerName Self => services.Identity.Name;

    public async ValueTask<InputOutcome> DecideAsync(ReceivedPdu received)
    {
        var pdu = received.Pdu;
        if (await FindKnownAsync(received) is { } known)
            return known;
        var missingAuth = await Checks.MissingAuthEventsAsync(pdu);
        var (stateBefore, missingPrev, missingState) = received.As == ReceivedAs.Outlier
            ? (null, [], [])
            : await FindStateBeforeAsync(received);
        if (!missingAuth.IsEmpty || !missingPrev.IsEmpty || !missingState.IsEmpty)
            return new InputOutcome.Missing(missingPrev, missingAuth, missingState);

        if (await Checks.ByAuthEventsAsync(pdu, Create) is { } unauthorised)
            return await RecordRejectedAsync(received, unauthorised, stateBefore);
        if (received.As == ReceivedAs.Outlier)
        {
            await RecordAsync(new InputRecord(pdu, PduDisposition.Outlier));
            return new InputOutcome.Recorded(PduDisposition.Outlier, null);
        }
        if (await Checks.ByStateAsync(pdu, stateBefore!, Create) is { } refused)
            return await RecordRejectedAsync(received, $"by the state before it: {refused}", stateBefore);
        return received.As == ReceivedAs.Backfill
            ? await RecordHistoryAsync(pdu, stateBefore!)
            : await RecordNewAsync(received, stateBefore!);
    }

    /// <summary>That a PDU was decided before, if it was.</summary>
    public async ValueTask<InputOutcome?> FindKnownAsync(ReceivedPdu received) =>
        await Pdus.FindAsync(received.Pdu.EventId) is { } known
        && (received.As == ReceivedAs.Outlier || known.Disposition != PduDisposition.Outlier)
            ? new InputOutcome.Known(known.Disposition)
            : null;

    /// <summary>What a request of ours led to before.</summary>
    public ValueTask<EventId?> FindFirstAnswerAsync(TransactionKey key) => services.Transactions.FindAsync(
        roomId, key.UserId, key.DeviceId, key.Scope, key.TransactionId);

    /// <summary>Takes a decided PDU into the room, and makes the fact for it.</summary>
    public async ValueTask RecordAsync(InputRecord record)
    {
        var pdu = record.Pdu;
        var stateBefore = record.StateBefore ?? StateMap.Empty;
        var current = record.Current ?? Current;
        var (added, removed) = await DifferenceAsync(Current, current);
        var (addedBefore, removedBefore) = record.StateBefore is null
            ? ([], [])
            : await DifferenceAsync(Current, stateBefore);
        AddNodes(stateBefore);
        AddNodes(current);
        _written = current;
        var redactedBy = await FindRedactionAsync(record);
        var movesOn = record.Disposition == PduDisposition.Accepted;
        var after = new RoomState
        {
            RoomId = roomId,
            Rules = pdu.Rules,
            FoundCreate = Create,
            ForwardExtremities = record.ForwardExtremities ?? Room?.ForwardExtremities ?? [],
            Depth = movesOn ? Math.Max(Room?.Depth ?? 0, pdu.Depth) : Room?.Depth ?? 0,
            Current = current,
            Revision = (Room?.Revision ?? -1) + 1,
            Position = Room?.Position ?? LogPosition.Start,
        };
        var (type, data) = FactCodec.Encode(new PduRecorded
        {
            RoomId = roomId,
            RoomVersion = pdu.Rules.Version,
            EventId = pdu.EventId,
            Pdu = new RawJson(pdu.Json),
            Disposition = record.Disposition,
            Reason = record.Reason,
            StateAdded = added,
            StateRemoved = removed,
            ForwardExtremities = after.ForwardExtremities,
            StateBefore = stateBefore.Root,
            StateBeforeAdded = addedBefore,
            StateBeforeRemoved = removedBefore,
            CurrentState = current.Root,
            Depth = after.Depth,
            RedactsApplied = record.RedactsApplied,
            RedactedBy = redactedBy,
            StrippedState = record.StrippedState ?? record.Own?.StrippedState,
            DeviceId = record.Own?.DeviceId,
            TransactionId = record.Own?.Transaction?.TransactionId,
            TransactionScope = record.Own?.Transaction?.Scope,
            SendOn = record.SendOn,
        });
        var target = record.Disposition == PduDisposition.Backfilled ? _history : Records;
        var recordId = record.Own?.Transaction is { } key ? TransactionRecordIds.Of(key) : services.NewRecordId();
        target.Add(new NewRecord(recordId, type, data, Metadata));
        Room = after;
        if (record.RedactsApplied is { } redacted)
            Redacted.Add(redacted);
        else if (record.Disposition is PduDisposition.Accepted or PduDisposition.Backfilled)
            gaps.Wait(pdu);
        if (redactedBy is not null)
            Redacted.Add(pdu.EventId);
        Pdus.Add(new DecidedBefore(pdu, record.Disposition, stateBefore.Root));
    }

    /// <summary>The records in the order of the log: history goes backwards, so that a later position is an older
    /// PDU.</summary>
    public List<NewRecord> OrderedRecords()
    {
        _history.Reverse();
        Records.AddRange(_history);
        _history.Clear();
        return Records;
    }

    /// <summary>A redaction that was here before the PDU and takes effect on it.</summary>
    private async ValueTask<EventId?> FindRedactionAsync(InputRecord record)
    {
        if (record.Disposition == PduDisposition.Rejected || Create is null)
            return null;
        foreach (var eventId in gaps.RedactionsOf(record.Pdu.EventId))
        {
            if (await Pdus.FindAsync(eventId) is { HasState: true } redaction
                && await RedactionEffect.IsInForceAsync(
                    redaction.Pdu, await States.LoadAsync(redaction.StateBefore), record.Pdu, Create, Checks))
                return eventId;
        }
        return null;
    }

    private async ValueTask<(StateMap? Map, ImmutableArray<EventId> Prev, ImmutableArray<EventId> State)>
        FindStateBeforeAsync(ReceivedPdu received)
    {
        if (received.StateBefore is { } told)
        {
            var (map, missing) = await States.OfAsync(told);
            return (map, [], missing);
        }
        var (before, missingPrev) = await States.BeforeAsync(Room!, received.Pdu);
        return (before, missingPrev, []);
    }

    private async ValueTask<InputOutcome> RecordRejectedAsync(
        ReceivedPdu received, string reason, StateMap? stateBefore)
    {
        await RecordAsync(new InputRecord(received.Pdu, PduDisposition.Rejected)
        {
            Reason = reason,
            StateBefore = stateBefore,
        });
        gaps.MissingLinks.Remove(received.Pdu.EventId);
        return new InputOutcome.Recorded(PduDisposition.Rejected, reason);
    }

    private async ValueTask<InputOutcome> RecordHistoryAsync(Pdu pdu, StateMap stateBefore)
    {
        await RecordAsync(new InputRecord(pdu, PduDisposition.Backfilled)
        {
            StateBefore = stateBefore,
            RedactsApplied = await RedactionEffect.FindAsync(pdu, stateBefore, Create!, Pdus, Checks),
        });
        await LinkAsync(pdu);
        return new InputOutcome.Recorded(PduDisposition.Backfilled, null);
    }

    private async ValueTask<InputOutcome> RecordNewAsync(ReceivedPdu received, StateMap stateBefore)
    {
        var pdu = received.Pdu;
        var softFailure = stateBefore.Root == Current.Root
            ? null
            : await Checks.ByStateAsync(pdu, Current, Create);
        if (softFailure is not null)
        {
            softFailure = $"by the current state: {softFailure}";
        }
        else if (await Checks.FindUnaskedAsync(pdu, Current, Policy) is { } server)
        {
            if (!received.IsPolicyAsked)
                return new InputOutcome.Undecided(server);
            softFailure = $"the policy server {server.Server} has not signed it";
        }
        if (softFailure is not null)
        {
            await RecordAsync(new InputRecord(pdu, PduDisposition.SoftFailed)
            {
                Reason = softFailure,
                StateBefore = stateBefore,
            });
            gaps.MissingLinks.Remove(pdu.EventId);
            return new InputOutcome.Recorded(PduDisposition.SoftFailed, softFailure);
        }
        var redacts = await RedactionEffect.FindAsync(pdu, stateBefore, Create!, Pdus, Checks);
        var extremities = ExtremitiesAfter(pdu);
        var after = pdu.StateTuple is { } tuple ? await stateBefore.SetAsync(tuple, pdu.EventId) : stateBefore;
        States.Keep(after);
        StateMap current;
        if (extremities is [var only] && only == pdu.EventId)
        {
            current = after;
        }
        else if (extremities.SequenceEqual(Room!.ForwardExtremities))
        {
            current = Current;
        }
        else
        {
            // The PDU's own state must be found by the resolution before it is recorded.
            Pdus.Foresee(new DecidedBefore(pdu, PduDisposition.Accepted, stateBefore.Root));
            States.Keep(stateBefore);
            current = await States.AfterAllAsync(Room!, extremities);
        }
        await RecordAsync(new InputRecord(pdu, PduDisposition.Accepted)
        {
            StateBefore = stateBefore,
            Current = current,
            ForwardExtremities = extremities,
            RedactsApplied = redacts,
            SendOn = received.SendOn,
            Own = received.Own,
        });
        await LinkAsync(pdu);
        return new InputOutcome.Recorded(PduDisposition.Accepted, null);
    }

    /// <summary>What it cites is no extremity any more; it is one itself, unless something that we have cites
    /// it.</summary>
    private ImmutableArray<EventId> ExtremitiesAfter(Pdu pdu)
    {
        var extremities = Room!.ForwardExtremities.RemoveAll(heads => pdu.PrevEvents.Contains(heads));
        if (!gaps.MissingLinks.Contains(pdu.EventId))
            extremities = extremities.Add(pdu.EventId);
        return extremities.IsEmpty ? Room.ForwardExtremities : extremities;
    }

    /// <summary>Keeps up which PDUs are cited but not here.</summary>
    /// <remarks>Only by what is shown: a PDU that nothing but rejected or soft-failed ones cite becomes an extremity
    /// when it comes, as no other leads to it.</remarks>
    public async ValueTask LinkAsync(Pdu pdu)
    {
        gaps.MissingLinks.Remove(pdu.EventId);
        foreach (var prevEvent in pdu.PrevEvents)
        {
            if (await Pdus.FindAsync(prevEvent) is not { HasState: true })
                gaps.MissingLinks.Add(prevEvent);
        }
    }

    private void AddNodes(StateMap map)
    {
        if (map.Root == _written.Root)
            return;
        foreach (var node in map.NewNodesSince(_written))
        {
            if (_nodeHashes.Add(node.Hash))
                Nodes.Add(new(node.Hash, node.Bytes));
        }
    }

    private static async ValueTask<(ImmutableArray<StateEntry> Added, ImmutableArray<StateTuple> Removed)>
        DifferenceAsync(StateMap from, StateMap to)
    {
        if (from.Root == to.Root)
            return ([], []);
        var added = ImmutableArray.CreateBuilder<StateEntry>();
        var removed = ImmutableArray.CreateBuilder<StateTuple>();
        await foreach (var difference in StateMap.DiffAsync(from, to))
        {
            if (difference.After is { } eventId)
                added.Add(new StateEntry(difference.Tuple, eventId));
            else
                removed.Add(difference.Tuple);
        }
        return (added.ToImmutable(), removed.ToImmutable());
    }
}
