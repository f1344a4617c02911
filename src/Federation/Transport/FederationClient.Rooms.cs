using System.Collections.Immutable;
using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

// PDUs and the state of rooms.
public sealed partial class FederationClient
{
    /// <summary>The state before an event, whole.</summary>
    public ValueTask<FederationResult<RemoteState>> StateAsync(
        ServerName destination, RoomId roomId, EventId eventId, CancellationToken cancellationToken) =>
        SendAsync(
            OfWholeRoom(Get(destination, Query(Path($"{V1}/state", roomId.Value), ("event_id", eventId.Value)))),
            AnswerReading.State,
            cancellationToken);

    /// <summary>The state before an event, ids only.</summary>
    public ValueTask<FederationResult<RemoteStateIds>> StateIdsAsync(
        ServerName destination, RoomId roomId, EventId eventId, CancellationToken cancellationToken) =>
        SendAsync(
            OfWholeRoom(Get(destination, Query(Path($"{V1}/state_ids", roomId.Value), ("event_id", eventId.Value)))),
            AnswerReading.StateIds,
            cancellationToken);

    /// <summary>One PDU; the answer has none if the server sent none.</summary>
    public ValueTask<FederationResult<RemotePdus>> EventAsync(
        ServerName destination, EventId eventId, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Path($"{V1}/event", eventId.Value)),
            static body => AnswerReading.Pdus(body, "pdus"u8),
            cancellationToken);

    /// <summary>The whole auth chain of an event.</summary>
    public ValueTask<FederationResult<RemotePdus>> EventAuthAsync(
        ServerName destination, RoomId roomId, EventId eventId, CancellationToken cancellationToken) =>
        SendAsync(
            OfWholeRoom(Get(destination, Path($"{V1}/event_auth", roomId.Value, eventId.Value))),
            static body => AnswerReading.Pdus(body, "auth_chain"u8),
            cancellationToken);

    /// <summary>PDUs between what we have and what we were given.</summary>
    public ValueTask<FederationResult<RemotePdus>> GetMissingEventsAsync(
        ServerName destination,
        RoomId roomId,
        IReadOnlyList<EventId> earliest,
        IReadOnlyList<EventId> latest,
        int limit,
        long minDepth,
        CancellationToken cancellationToken)
    {
        var content = Content(json =>
        {
            json.WriteStartArray("earliest_events"u8);
            foreach (var eventId in earliest)
                json.WriteStringValue(eventId.Value);
            json.WriteEndArray();
            json.WriteStartArray("latest_events"u8);
            foreach (var eventId in latest)
                json.WriteStringValue(eventId.Value);
            json.WriteEndArray();
            json.WriteNumber("limit"u8, limit);
            json.WriteNumber("min_depth"u8, minDepth);
        });
        return SendAsync(
            Post(destination, Path($"{V1}/get_missing_events", roomId.Value), content),
            static body => AnswerReading.Pdus(body, "events"u8),
            cancellationToken);
    }

    /// <summary>History before some events, those included.</summary>
    public ValueTask<FederationResult<RemotePdus>> BackfillAsync(
        ServerName destination,
        RoomId roomId,
        IReadOnlyList<EventId> from,
        int limit,
        CancellationToken cancellationToken)
    {
        var uri = new StringBuilder(Path($"{V1}/backfill", roomId.Value)).Append("?limit=").Append(Text(limit));
        foreach (var eventId in from)
            uri.Append("&v=").Append(Uri.EscapeDataString(eventId.Value));
        return SendAsync(
            Get(destination, uri.ToString()),
            static body => AnswerReading.Pdus(body, "pdus"u8),
            cancellationToken);
    }

    /// <summary>The event nearest to a time, forwards or backwards.</summary>
    public ValueTask<FederationResult<NearestEvent>> TimestampToEventAsync(
        ServerName destination, RoomId roomId, long ts, bool isForwards, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Query(
                Path($"{V1}/timestamp_to_event", roomId.Value), ("ts", Text(ts)), ("dir", isForwards ? "f" : "b"))),
            AnswerReading.NearestEvent,
            cancellationToken);

    /// <summary>Asks a policy server for its signature of a PDU; answered with a <c>signatures</c> object.</summary>
    /// <remarks>Shape: pdu in canonical form. The policy server may run under our own name.</remarks>
    public ValueTask<FederationResult<RemoteObject>> AskPolicyServerAsync(
        ServerName destination, ReadOnlyMemory<byte> pdu, CancellationToken cancellationToken) =>
        SendAsync(
            Post(destination, "/_matrix/policy/v1/sign", pdu) with
            {
                Timeout = FederationLimits.PolicyTimeout,
                BodyBytesMax = FederationLimits.SmallBodyBytesMax,
                MayBeToUs = true,
            },
            AnswerReading.Object,
            cancellationToken);

    /// <summary>Sends a transaction. Shape: content in canonical form.</summary>
    public ValueTask<FederationResult<TransactionTaken>> SendTransactionAsync(
        ServerName destination,
        string transactionId,
        ReadOnlyMemory<byte> content,
        CancellationToken cancellationToken) =>
        SendAsync(
            Put(destination, Path($"{V1}/send", transactionId), content) with
            {
                Timeout = FederationLimits.TransactionTimeout,
                BodyBytesMax = FederationLimits.SmallBodyBytesMax,
            },
            AnswerReading.Transaction,
            cancellationToken);
}
