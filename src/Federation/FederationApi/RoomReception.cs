using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Brings PDUs of other servers into a room, and fetches what is missing to decide on them.</summary>
/// <remarks>
/// <code>
///   PDUs ─► Roomserver ─ decided
///             │ prev_events missing ─► get_missing_events ─► the chain, oldest first ─► Roomserver
///             │     still missing ─► state_ids, and what of that state is not here ─► with that state
///             │ auth events missing ─► event_auth ─► outliers
///             ▼ what could not be fetched: the PDU is not taken; its sender hears why
/// </code>
/// Spec: v1.19 server-server-api #backfilling-and-retrieving-missing-events, #retrieving-events.
/// LOCK: one fetcher per room; rooms do not wait for each other, so a slow server holds up only the room that it is
/// asked about. The network is never inside a room's decision.
/// </remarks>
public sealed partial class RoomReception(
    IRoomserver rooms,
    IPduStore pdus,
    IRoomGraphQueries graph,
    PduIntake intake,
    FederationClient client,
    RoomGates gates,
    ILogger<RoomReception> logger)
{
    /// <summary>One outcome per PDU, in their order. Requires: they passed the intake.</summary>
    public async ValueTask<IReadOnlyList<InputOutcome?>> ReceiveAsync(
        CommandContext context,
        ServerName origin,
        RoomId roomId,
        IReadOnlyList<Pdu> received,
        CancellationToken cancellationToken)
    {
        await using var turn = await gates.EnterAsync(roomId, cancellationToken);
        return await ReceiveInTurnAsync(context, origin, roomId, received, cancellationToken);
    }

    /// <summary>Adds PDUs that others rest on, oldest first, as outliers; false when they could not be decided
    /// now.</summary>
    public async ValueTask<bool> AddOutliersAsync(
        CommandContext context, RoomId roomId, IReadOnlyList<Pdu> outliers)
    {
        if (outliers.Count == 0)
            return true;
        var ordered = AuthOrder.Sort(outliers);
        return await rooms.ReceiveAsync(roomId, new ReceivePdus(
            context, [.. ordered.Select(pdu => new ReceivedPdu(pdu, ReceivedAs.Outlier))])) is InputAnswer.Done;
    }

    /// <summary>The state before a PDU as another server says it, all of it known here; null when it could not be
    /// had.</summary>
    public async ValueTask<IReadOnlyList<EventId>?> FetchStateBeforeAsync(
        CommandContext context,
        ServerName server,
        RoomId roomId,
        RoomVersionRules rules,
        EventId eventId,
        CancellationToken cancellationToken)
    {
        var answer = await client.StateIdsAsync(server, roomId, eventId, cancellationToken);
        if (answer.ValueOrDefault is not { } ids)
            return null;
        var wanted = new HashSet<EventId>(ids.PduIds);
        wanted.UnionWith(ids.AuthChainIds);
        var missing = await FindUnknownAsync(roomId, [.. wanted]);
        if (missing.Count > FederationApiLimits.SingleFetchesMax)
        {
            var whole = await client.StateAsync(server, roomId, eventId, cancellationToken);
            if (whole.ValueOrDefault is not { } state)
                return null;
            if (await intake.TakeAllGoodAsync(
                [.. state.AuthChain, .. state.Pdus], rules, roomId, server, cancellationToken) is not { } good)
                return null;
            if (!await AddOutliersAsync(context, roomId, good))
                return null;
        }
        else if (missing.Count > 0)
        {
            // A state without what only the network or our own storage kept from us would be another state, for good.
            if (await FetchSinglesAsync(server, roomId, rules, missing, cancellationToken) is not { } fetched
                || !await AddOutliersAsync(context, roomId, fetched))
                return null;
        }
        var unknown = await FindUnknownAsync(roomId, ids.PduIds);
        if (unknown.Count == 0)
            return ids.PduIds;
        LogStateIncomplete(roomId.Value, eventId.Value, server.Value, unknown.Count);
        return [.. ids.PduIds.Except(unknown)];
    }

    private async ValueTask<IReadOnlyList<InputOutcome?>> ReceiveInTurnAsync(
        CommandContext context,
        ServerName origin,
        RoomId roomId,
        IReadOnlyList<Pdu> received,
        CancellationToken cancellationToken)
    {
        var outcomes = new InputOutcome?[received.Count];
        var answer = await rooms.ReceiveAsync(
            roomId, new ReceivePdus(context, [.. received.Select(pdu => new ReceivedPdu(pdu))]));
        if (answer is not InputAnswer.Done done)
            return outcomes;
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = done.Outcomes[i];
            if (outcomes[i] is InputOutcome.Missing)
                outcomes[i] = await BridgeAsync(context, origin, roomId, received[i], cancellationToken);
        }
        return outcomes;
    }

    /// <summary>Takes a PDU that something is missing for.</summary>
    private async ValueTask<InputOutcome?> BridgeAsync(
        CommandContext context, ServerName origin, RoomId roomId, Pdu pdu, CancellationToken cancellationToken)
    {
        var outcome = await TakeAsync(context, roomId, new ReceivedPdu(pdu));
        if (outcome is not InputOutcome.Missing missing)
            return outcome;
        if (missing.PrevEvents.IsEmpty)
            return await TakeAsync(context, origin, new ReceivedPdu(pdu), cancellationToken);
        var chain = await FetchChainAsync(origin, roomId, pdu, cancellationToken);
        foreach (var earlier in chain)
            outcome = await TakeAsync(context, origin, new ReceivedPdu(earlier), cancellationToken);
        return outcome;
    }

    /// <summary>The PDUs between what we have and this one, and this one, oldest first.</summary>
    private async ValueTask<List<Pdu>> FetchChainAsync(
        ServerName origin, RoomId roomId, Pdu pdu, CancellationToken cancellationToken)
    {
        if (await rooms.ReadAsync(roomId) is not RoomReading.Found { View: var view })
            return [pdu];
        // What was before we came is history, however another branch leads to it.
        var minDepth = await graph.NewsFromDepthAsync(roomId, cancellationToken);
        var answer = await client.GetMissingEventsAsync(
            origin,
            roomId,
            view.ForwardExtremities,
            [pdu.EventId],
            FederationApiLimits.MissingEventsMax,
            minDepth,
            cancellationToken);
        if (answer.ValueOrDefault is not { } found)
            return [pdu];
        var between = found.Pdus.Length > FederationApiLimits.HistoryMax
            ? found.Pdus[..FederationApiLimits.HistoryMax]
            : found.Pdus;
        var good = await intake.TakeGoodAsync(between, pdu.Rules, roomId, cancellationToken);
        var chain = AuthOrder.SortByPrevEvents([.. good.Where(earlier => earlier.Depth >= minDepth), pdu]);
        // What comes after the PDU is none of its business.
        return chain.GetRange(0, chain.FindIndex(one => one.EventId == pdu.EventId) + 1);
    }

    private async ValueTask<InputOutcome?> TakeAsync(
        CommandContext context, ServerName origin, ReceivedPdu received, CancellationToken cancellationToken)
    {
        var pdu = received.Pdu;
        var outcome = await TakeAsync(context, pdu.RoomId, received);
        if (outcome is InputOutcome.Missing { AuthEvents.IsEmpty: false } unauthorised)
        {
            await FetchAuthEventsAsync(context, origin, pdu, unauthorised.AuthEvents, cancellationToken);
            outcome = await TakeAsync(context, pdu.RoomId, received);
        }
        if (outcome is not InputOutcome.Missing { PrevEvents.IsEmpty: false, AuthEvents.IsEmpty: true })
            return outcome;
        var state = await FetchStateBeforeAsync(
            context, origin, pdu.RoomId, pdu.Rules, pdu.EventId, cancellationToken);
        return state is null ? outcome : await TakeAsync(context, pdu.RoomId, received with { StateBefore = state });
    }

    private async ValueTask<InputOutcome?> TakeAsync(CommandContext context, RoomId roomId, ReceivedPdu received)
    {
        var answer = await rooms.ReceiveAsync(roomId, new ReceivePdus(context, [received]));
        return answer is InputAnswer.Done { Outcomes: [var outcome] } ? outcome : null;
    }

    private async ValueTask FetchAuthEventsAsync(
        CommandContext context,
        ServerName origin,
        Pdu pdu,
        ImmutableArray<EventId> missing,
        CancellationToken cancellationToken)
    {
        var answer = await client.EventAuthAsync(origin, pdu.RoomId, pdu.EventId, cancellationToken);
        var found = answer.ValueOrDefault is { } chain
            ? await intake.TakeGoodAsync(chain.Pdus, pdu.Rules, pdu.RoomId, cancellationToken)
            : await FetchSinglesAsync(origin, pdu.RoomId, pdu.Rules, missing, cancellationToken);
        await AddOutliersAsync(context, pdu.RoomId, found ?? []);
    }

    /// <summary>Those that the server has and that pass the checks; null where it could not be asked for all.</summary>
    private async ValueTask<List<Pdu>?> FetchSinglesAsync(
        ServerName server,
        RoomId roomId,
        RoomVersionRules rules,
        IReadOnlyList<EventId> eventIds,
        CancellationToken cancellationToken)
    {
        var raw = new List<ReadOnlyMemory<byte>>(eventIds.Count);
        // Not Parallel.ForEachAsync: it leaves the caller's context for threads of its own.
        foreach (var part in eventIds.Chunk(FederationApiLimits.FetchesAtOnce))
        {
            var answers = await Task.WhenAll(
                part.Select(eventId => client.EventAsync(server, eventId, cancellationToken).AsTask()));
            foreach (var answer in answers)
            {
                // Only "not here" says that there is nothing to be had; a refusal may mean that we have just left.
                if (answer is FederationResult<RemotePdus>.Failed
                    or FederationResult<RemotePdus>.Refused { Error.Status: not 404 })
                    return null;
                raw.AddRange(answer.ValueOrDefault?.Pdus ?? []);
            }
        }
        return await intake.TakeAllGoodAsync(raw, rules, roomId, server, cancellationToken);
    }

    private async ValueTask<List<EventId>> FindUnknownAsync(RoomId roomId, IReadOnlyList<EventId> eventIds)
    {
        var unknown = new HashSet<EventId>(eventIds);
        foreach (var part in eventIds.Chunk(FederationApiLimits.ReadAtOnce))
        {
            foreach (var known in await pdus.FindAsync(part))
            {
                if (known.RoomId == roomId)
                    unknown.Remove(known.EventId);
            }
        }
        return [.. unknown];
    }

    [LoggerMessage(
        LogLevel.Warning,
        "Of the state of the room {room_id} before {event_id}, {missing} PDUs could not be had from {server}.")]
    private partial void LogStateIncomplete(string room_id, string event_id, string server, int missing);
}
