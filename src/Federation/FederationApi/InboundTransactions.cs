using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Transactions of other servers: their PDUs go to the rooms, their EDUs to the components that know
/// them.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #transactions, #put_matrixfederationv1sendtxnid.
/// Ensures: the answer comes after each PDU is durably decided; a transaction that comes again is answered the same,
/// and one that is under way is waited for. Rooms are handled side by side.
/// Errors: M_BAD_JSON for what is no transaction; M_TOO_LARGE for too many PDUs or EDUs. What is wrong with one PDU is
/// said beside its id, and hinders no other.
/// </remarks>
public sealed partial class InboundTransactions(
    RoomAccess access,
    PduIntake intake,
    RoomReception reception,
    WithdrawnMemberships withdrawals,
    InboundEdus edus,
    ILogger<InboundTransactions> logger)
{
    private readonly LruCache<(ServerName, string), Task<Answer>> _answers =
        new(FederationApiLimits.TransactionAnswersMax);

    /// <summary>What each PDU came to: null where it was taken.</summary>
    public sealed record Answer(IReadOnlyList<KeyValuePair<EventId, string?>> Pdus, MatrixError? Error);

    public async ValueTask<Answer> ReceiveAsync(
        CommandContext context, ServerName origin, string transactionId, JsonElement body)
    {
        // What has begun is finished, whether or not the other server waits for it.
        var key = (origin, transactionId);
        if (_answers.Find(key) is { IsFaulted: false } known)
            return await known;
        var work = TakeAsync(context, origin, body);
        _answers.Set(key, work);
        return await work;
    }

    private async Task<Answer> TakeAsync(CommandContext context, ServerName origin, JsonElement body)
    {
        if (body.TryGetProperty("origin"u8, out var named)
            && (named.ValueKind != JsonValueKind.String || named.GetString() != origin.Value))
            return Refuse(MatrixError.Forbidden("The transaction names another origin than its signer."));
        if (!body.TryGetProperty("pdus"u8, out var pdus) || pdus.ValueKind != JsonValueKind.Array)
            return Refuse(MatrixError.BadJson("'pdus' must be an array."));
        var hasEdus = body.TryGetProperty("edus"u8, out var ephemeral);
        if (hasEdus && ephemeral.ValueKind != JsonValueKind.Array)
            return Refuse(MatrixError.BadJson("'edus' must be an array."));
        if (pdus.GetArrayLength() > Limits.TransactionPdusMax)
            return Refuse(new MatrixError(
                400, ErrCodes.TooLarge, $"A transaction holds at most {Limits.TransactionPdusMax} PDUs."));
        if (hasEdus && ephemeral.GetArrayLength() > Limits.TransactionEdusMax)
            return Refuse(new MatrixError(
                400, ErrCodes.TooLarge, $"A transaction holds at most {Limits.TransactionEdusMax} EDUs."));

        var roomToPdus = new Dictionary<RoomId, List<ReadOnlyMemory<byte>>>();
        foreach (var pdu in pdus.EnumerateArray())
        {
            if (pdu.ValueKind != JsonValueKind.Object
                || !pdu.TryGetProperty("room_id"u8, out var room)
                || room.ValueKind != JsonValueKind.String
                || !RoomId.TryParse(room.GetString(), out var roomId))
                continue;
            if (!roomToPdus.TryGetValue(roomId, out var ofRoom))
                roomToPdus[roomId] = ofRoom = [];
            ofRoom.Add(JsonMarshal.GetRawUtf8Value(pdu).ToArray());
        }
        var results = await Task.WhenAll(roomToPdus.Select(
            entry => TakeRoomAsync(context, origin, entry.Key, entry.Value)));
        if (hasEdus)
        {
            foreach (var edu in ephemeral.EnumerateArray())
                await edus.TakeAsync(context, origin, edu);
        }
        return new Answer([.. results.SelectMany(result => result)], null);
    }

    private async Task<List<KeyValuePair<EventId, string?>>> TakeRoomAsync(
        CommandContext context, ServerName origin, RoomId roomId, List<ReadOnlyMemory<byte>> received)
    {
        var results = new List<KeyValuePair<EventId, string?>>(received.Count);
        if (await access.FindAsync(roomId, origin, CancellationToken.None) is not { } room)
        {
            foreach (var pdu in received)
            {
                if (!await withdrawals.TakeAsync(context, roomId, pdu, CancellationToken.None))
                    LogUnknownRoom(origin.Value, roomId.Value);
            }
            return results;
        }
        var taken = await intake.TakeAsync(received, room.Rules, roomId, isOld: false, CancellationToken.None);
        var refusal = room.IsAllowed ? null : "your server is not allowed in this room";
        foreach (var pdu in taken)
        {
            if (pdu.Problem is not null && pdu.EventId is { } dropped)
                results.Add(new(dropped, pdu.Problem));
            else if (pdu.Pdu is not null && refusal is not null)
                results.Add(new(pdu.Pdu.EventId, refusal));
            if (pdu.Problem is not null)
                LogDropped(origin.Value, roomId.Value, pdu.EventId?.Value, pdu.Problem);
        }
        var good = taken.Where(pdu => pdu.Pdu is not null).Select(pdu => pdu.Pdu!).ToList();
        if (refusal is not null || good.Count == 0)
            return results;
        var outcomes = await reception.ReceiveAsync(context, origin, roomId, good, CancellationToken.None);
        for (var i = 0; i < good.Count; i++)
            results.Add(new(good[i].EventId, ProblemOf(outcomes[i])));
        return results;
    }

    /// <summary>A soft failure is nobody's error: the PDU was taken.</summary>
    private static string? ProblemOf(InputOutcome? outcome) => outcome switch
    {
        InputOutcome.Recorded { Disposition: PduDisposition.Rejected } rejected => rejected.Reason ?? "it is rejected",
        InputOutcome.Known { Disposition: PduDisposition.Rejected } => "it is rejected",
        InputOutcome.Missing => "what it rests on could not be fetched",
        null => "this server cannot take PDUs of the room now",
        _ => null,
    };

    private static Answer Refuse(MatrixError error) => new([], error);

    [LoggerMessage(LogLevel.Debug, "{origin} sent a PDU of the room {room_id}, which is not here.")]
    private partial void LogUnknownRoom(string origin, string room_id);

    [LoggerMessage(LogLevel.Information, "The PDU {event_id} of {origin} in the room {room_id} is dropped: {reason}.")]
    private partial void LogDropped(string origin, string room_id, string? event_id, string reason);
}
