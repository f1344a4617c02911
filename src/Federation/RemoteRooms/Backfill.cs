using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <summary>History that other servers have and we do not (edge 2).</summary>
public interface IBackfill
{
    /// <summary>Whether more history was recorded.</summary>
    ValueTask<bool> FetchAsync(
        CommandContext context, RoomId roomId, int limit, CancellationToken cancellationToken);

    /// <summary>The same, of what is missing within a stretch of the timeline, the last gap first.</summary>
    ValueTask<bool> FetchGapAsync(
        CommandContext context,
        RoomId roomId,
        TimelineStretch stretch,
        int limit,
        CancellationToken cancellationToken);
}

/// <summary>Fetches history that was before our time.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #backfilling-and-retrieving-missing-events.
/// Shape: goes on from the PDUs that cite what is not here. The state before the oldest PDU of what came is asked for
/// too; the others' follow from it. One fetch per room at a time.
/// Ensures: what is recorded passed the checks of every PDU. Errors: none; false when nothing more could be had.
/// </remarks>
public sealed class Backfill(
    IRoomserver rooms,
    IRoomserverQueries queries,
    IRoomGraphQueries graph,
    IJoinedHosts hosts,
    FederationClient client,
    PduIntake intake,
    RoomReception reception,
    RoomGates gates,
    ServerIdentity identity) : IBackfill
{
    /// <summary>LIMIT: servers that are asked for one page. Ours: the reader waits.</summary>
    private const int ServersMax = 3;

    /// <inheritdoc />
    public ValueTask<bool> FetchAsync(
        CommandContext context, RoomId roomId, int limit, CancellationToken cancellationToken) => FetchAsync(
            context,
            roomId,
            () => graph.BackwardExtremitiesAsync(roomId, Limits.PrevEventsMax, cancellationToken),
            limit,
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> FetchGapAsync(
        CommandContext context,
        RoomId roomId,
        TimelineStretch stretch,
        int limit,
        CancellationToken cancellationToken) => FetchAsync(
            context,
            roomId,
            () => graph.ExtremitiesOfLastGapAsync(stretch, Limits.PrevEventsMax, cancellationToken),
            limit,
            cancellationToken);

    private async ValueTask<bool> FetchAsync(
        CommandContext context,
        RoomId roomId,
        Func<ValueTask<IReadOnlyList<EventId>>> findExtremities,
        int limit,
        CancellationToken cancellationToken)
    {
        // Most pages have no gap: those wait for nobody.
        if ((await findExtremities()).Count == 0)
            return false;
        await using var turn = await gates.EnterAsync(roomId, cancellationToken);
        var from = await findExtremities();
        if (from.Count == 0
            || await queries.FindRoomVersionAsync(roomId, cancellationToken) is not { } version
            || RoomVersionRules.Find(version) is not { } rules)
            return false;
        var servers = await hosts.InRoomAsync(roomId, cancellationToken);
        foreach (var server in servers.Where(server => server != identity.Name).Take(ServersMax))
        {
            var answer = await client.BackfillAsync(
                server,
                roomId,
                from,
                Math.Clamp(limit, 1, FederationApiLimits.HistoryMax) + from.Count,
                cancellationToken);
            if (answer.ValueOrDefault is not { } found)
                continue;
            var pdus = await intake.TakeGoodAsync(found.Pdus, rules, roomId, cancellationToken);
            if (await RecordAsync(context, server, roomId, pdus, cancellationToken))
                return true;
        }
        return false;
    }

    private async ValueTask<bool> RecordAsync(
        CommandContext context,
        ServerName server,
        RoomId roomId,
        List<Pdu> pdus,
        CancellationToken cancellationToken)
    {
        var isRecorded = false;
        var input = new List<ReceivedPdu>();
        var inChunk = new HashSet<EventId>();
        foreach (var pdu in AuthOrder.SortByPrevEvents(pdus))
        {
            var received = new ReceivedPdu(pdu, ReceivedAs.Backfill);
            var unknown = pdu.PrevEvents.Where(prevEvent => !inChunk.Contains(prevEvent)).ToList();
            if (unknown.Count > 0 && !await AreOnTheTimelineAsync(roomId, unknown))
            {
                var state = await reception.FetchStateBeforeAsync(
                    context, server, roomId, pdu.Rules, pdu.EventId, cancellationToken);
                if (state is null)
                    continue;
                received = received with { StateBefore = state };
            }
            inChunk.Add(pdu.EventId);
            input.Add(received);
        }
        if (input.Count == 0)
            return false;
        if (await rooms.ReceiveAsync(roomId, new ReceivePdus(context, input)) is InputAnswer.Done done)
            isRecorded = done.Outcomes.Any(outcome => outcome is InputOutcome.Recorded);
        return isRecorded;
    }

    private async ValueTask<bool> AreOnTheTimelineAsync(RoomId roomId, List<EventId> eventIds)
    {
        var found = await queries.FindPdusAsync(eventIds);
        return found.Count(pdu => pdu.RoomId == roomId
            && pdu.Disposition != Facts.Roomserver.PduDisposition.Outlier) == eventIds.Count;
    }
}
