using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>PDUs that other servers made, for one room's worker to decide on.</summary>
/// <remarks>Shape: immutable, so that after a conflict the same input is decided again. Whatever the network had to
/// give is in it before it is queued.</remarks>
public abstract record RoomInput(CommandContext Context)
{
    /// <summary>Decides on all of it; null when the room takes part, else why not.</summary>
    internal abstract ValueTask<MatrixError?> DecideAsync(InputSession session);

    /// <summary>Its PDUs that were left undecided, in order, each with the policy server that is to be asked.</summary>
    /// <remarks>Empty for inputs that are not taken up again.</remarks>
    internal virtual IReadOnlyList<(Pdu Pdu, PolicyServer Server)> Undecided(
        IReadOnlyList<InputOutcome> outcomes) => [];

    /// <summary>The input of those PDUs, now that the policy server was asked about them.</summary>
    internal virtual RoomInput Again(IReadOnlyList<Pdu> asked) => this;
}

/// <summary>PDUs of a room that is here, oldest first.</summary>
public sealed record ReceivePdus(CommandContext Context, IReadOnlyList<ReceivedPdu> Pdus) : RoomInput(Context)
{
    internal override async ValueTask<MatrixError?> DecideAsync(InputSession session)
    {
        if (session.Room is not { IsPresent: true })
            return MatrixError.NotFound("This server is not in the room.");
        PolicyServer? toAsk = null;
        foreach (var received in Pdus)
        {
            // What comes after an undecided PDU may build on it, and waits; what it lacks is asked for at once.
            var outcome = toAsk is null
                ? await session.DecideAsync(received)
                : await session.FindKnownAsync(received) ?? new InputOutcome.Undecided(toAsk);
            toAsk ??= (outcome as InputOutcome.Undecided)?.Server;
            session.Outcomes.Add(outcome);
        }
        return null;
    }

    internal override IReadOnlyList<(Pdu Pdu, PolicyServer Server)> Undecided(IReadOnlyList<InputOutcome> outcomes)
    {
        var undecided = new List<(Pdu, PolicyServer)>();
        for (var i = 0; i < outcomes.Count; i++)
        {
            if (outcomes[i] is InputOutcome.Undecided { Server: var server })
                undecided.Add((Pdus[i].Pdu, server));
        }
        return undecided;
    }

    internal override RoomInput Again(IReadOnlyList<Pdu> asked)
    {
        var idToReceived = new Dictionary<EventId, ReceivedPdu>(Pdus.Count);
        foreach (var received in Pdus)
            idToReceived.TryAdd(received.Pdu.EventId, received);
        return this with
        {
            Pdus = [.. asked.Select(pdu => idToReceived[pdu.EventId] with { Pdu = pdu, IsPolicyAsked = true })],
        };
    }
}

/// <summary>A membership of one of our users in a room that is not here: an invite, a knock, or the end of
/// one.</summary>
/// <remarks>Spec: v1.19 server-server-api #inviting-to-a-room, #knocking-rooms. Shape: StrippedState is a JSON
/// array, all that is known of the room.</remarks>
public sealed record ReceiveMembership(CommandContext Context, Pdu Pdu, RawJson StrippedState) : RoomInput(Context)
{
    internal override async ValueTask<MatrixError?> DecideAsync(InputSession session)
    {
        if (await session.Pdus.FindAsync(Pdu.EventId) is { } known)
        {
            session.Outcomes.Add(new InputOutcome.Known(known.Disposition));
            return null;
        }
        // Whoever is in the room is told by the room itself; another server's word must not take them out of it.
        if (Pdu.StateTuple is { } tuple
            && await session.Current.GetAsync(tuple) is { } current
            && await session.Pdus.FindAsync(current) is { Pdu.Membership: "join" })
            return MatrixError.Forbidden("The user is in the room already.");
        await session.RecordAsync(new InputRecord(Pdu, PduDisposition.Outlier) { StrippedState = StrippedState });
        session.Outcomes.Add(new InputOutcome.Recorded(PduDisposition.Outlier, null));
        return null;
    }
}

/// <summary>The room as a resident server gave it to us for a join, and the join that makes us part of it.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #joining-rooms. Requires: signatures and hashes of all PDUs hold; State is the state
/// before the join.
/// Shape: the PDUs are recorded as outliers, each append's last one carrying the state of all of them; the join comes
/// last. Until it is there the room has no forward extremities and counts as absent, so a crash on the way leaves
/// nothing but PDUs that the next attempt finds known.
/// Where another user of ours is in the room meanwhile, the join is a PDU of the room like any other: what the room has
/// beyond what the other server knows is not forgotten.
/// Errors: M_FORBIDDEN where the state that the other server gave does not let the join in.
/// </remarks>
public sealed record InstallRoom(
    CommandContext Context,
    RoomVersionRules Rules,
    Pdu Join,
    IReadOnlyList<Pdu> State,
    IReadOnlyList<Pdu> AuthChain) : RoomInput(Context)
{
    private bool IsPolicyAsked { get; init; }

    /// <summary>LIMIT: state entries that one fact carries for the outliers before it. Ours: some 16 KiB.</summary>
    private const int EntriesPerFactMax = 128;

    internal override async ValueTask<MatrixError?> DecideAsync(InputSession session)
    {
        var stateIds = State.Select(pdu => pdu.EventId).ToHashSet();
        var entries = new Dictionary<StateTuple, EventId>(State.Count);
        var waiting = new List<StateEntry>(EntriesPerFactMax);
        var ordered = AuthOrder.Sort([.. AuthChain, .. State]);
        if (ordered.Find(pdu => pdu.IsCreate && pdu.RoomId == Join.RoomId) is not { } create)
            return MatrixError.Forbidden("The other server gave no create event.");
        session.Create = create;
        await session.Pdus.LoadAsync(ordered.Select(pdu => pdu.EventId));
        foreach (var pdu in ordered)
        {
            var known = await session.Pdus.FindAsync(pdu.EventId);
            var reason = known is null ? await FindProblemAsync(pdu, session) : null;
            var isGood = known is null ? reason is null : !known.IsRejected;
            if (isGood && stateIds.Contains(pdu.EventId) && pdu.StateTuple is { } tuple)
            {
                entries[tuple] = pdu.EventId;
                waiting.Add(new StateEntry(tuple, pdu.EventId));
            }
            if (known is not null)
                continue;
            var carries = waiting.Count >= EntriesPerFactMax;
            await session.RecordAsync(
                new InputRecord(pdu, isGood ? PduDisposition.Outlier : PduDisposition.Rejected)
                {
                    Reason = reason,
                    Current = carries ? await WithAsync(session.Current, waiting) : null,
                });
            if (carries)
                waiting.Clear();
        }
        return session.Room is { IsPresent: true }
            && await session.Checks.HasMemberOfAsync(Join.Sender.Server, session.Current)
                ? await ReceiveJoinAsync(session)
                : await JoinAsync(session, entries);
    }

    internal override IReadOnlyList<(Pdu Pdu, PolicyServer Server)> Undecided(
        IReadOnlyList<InputOutcome> outcomes) =>
        outcomes is [InputOutcome.Undecided { Server: var server }] ? [(Join, server)] : [];

    internal override RoomInput Again(IReadOnlyList<Pdu> asked) =>
        this with { Join = asked[0], IsPolicyAsked = true };

    private async ValueTask<MatrixError?> ReceiveJoinAsync(InputSession session)
    {
        var received = new ReceivedPdu(Join) { IsPolicyAsked = IsPolicyAsked };
        var outcome = await session.DecideAsync(received);
        if (outcome is InputOutcome.Missing)
        {
            outcome = await session.DecideAsync(
                received with { StateBefore = [.. State.Select(pdu => pdu.EventId)] });
        }
        session.Outcomes.Add(outcome);
        return null;
    }

    private async ValueTask<MatrixError?> JoinAsync(InputSession session, Dictionary<StateTuple, EventId> entries)
    {
        var before = StateMap.FromEntries(entries.Select(entry => new StateEntry(entry.Key, entry.Value)));
        session.States.Keep(before);
        var problem = (await session.Checks.MissingAuthEventsAsync(Join)).IsEmpty
            ? await session.Checks.ByAuthEventsAsync(Join, session.Create)
                ?? await session.Checks.ByStateAsync(Join, before, session.Create)
            : "it cites auth events that the other server did not give";
        if (problem is not null)
            return MatrixError.Forbidden("The room's state does not let this user join.", problem);
        await session.RecordAsync(new InputRecord(Join, PduDisposition.Accepted)
        {
            StateBefore = before,
            Current = await before.SetAsync(Join.StateTuple!.Value, Join.EventId),
            ForwardExtremities = [Join.EventId],
        });
        await session.LinkAsync(Join);
        session.Outcomes.Add(new InputOutcome.Recorded(PduDisposition.Accepted, null));
        return null;
    }

    private static async ValueTask<string?> FindProblemAsync(Pdu pdu, InputSession session) =>
        (await session.Checks.MissingAuthEventsAsync(pdu)).IsEmpty
            ? await session.Checks.ByAuthEventsAsync(pdu, session.Create)
            : "it cites auth events that the other server did not give";

    private static async ValueTask<StateMap> WithAsync(StateMap map, List<StateEntry> entries)
    {
        if (map.Count == 0)
            return StateMap.FromEntries(entries);
        foreach (var entry in entries)
            map = await map.SetAsync(entry.Tuple, entry.EventId);
        return map;
    }
}
