using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers read a room's graph: PDUs, states, auth chains, history.</summary>
internal static class RoomGraph
{
    public static readonly EndpointSpec EventSpec = Get("event/{eventId}", "eventeventid");
    public static readonly EndpointSpec StateSpec = Get("state/{roomId}", "stateroomid");
    public static readonly EndpointSpec StateIdsSpec = Get("state_ids/{roomId}", "state_idsroomid");
    public static readonly EndpointSpec EventAuthSpec = Get("event_auth/{roomId}/{eventId}", "event_authroomideventid");
    public static readonly EndpointSpec BackfillSpec = Get("backfill/{roomId}", "backfillroomid");
    public static readonly EndpointSpec NearestSpec = Get("timestamp_to_event/{roomId}", "timestamp_to_eventroomid");

    public static readonly EndpointSpec MissingSpec = new(
        "POST", "/_matrix/federation/v1/get_missing_events/{roomId}", AuthKind.Server, RateClass.None,
        "server-server-api#post_matrixfederationv1get_missing_eventsroomid");

    /// <summary>LIMIT: PDUs of one answer. Ours: others ask for 100 at most.</summary>
    private const int HistoryMax = 100;

    /// <summary>LIMIT: event ids of one request that are looked at. Ours: as many as a PDU may cite, several times. A
    /// room may have more heads than that, so the rest is passed over, not refused.</summary>
    private const int NamedMax = 100;

    public static void Map(EndpointTable table)
    {
        table.Add(EventSpec, EventAsync);
        table.Add(StateSpec, static request => StateAsync(request, idsOnly: false));
        table.Add(StateIdsSpec, static request => StateAsync(request, idsOnly: true));
        table.Add(EventAuthSpec, EventAuthAsync);
        table.Add(BackfillSpec, BackfillAsync);
        table.Add(MissingSpec, MissingAsync);
        table.Add(NearestSpec, NearestAsync);
    }

    private static EndpointSpec Get(string path, string anchor) => new(
        "GET", $"/_matrix/federation/v1/{path}", AuthKind.Server, RateClass.None,
        $"server-server-api#get_matrixfederationv1{anchor}");

    private static async ValueTask<MatrixResponse> EventAsync(MatrixRequest request)
    {
        if (!request.TryGetEventId(request.Path("eventId"), out var eventId, out var error))
            return error;
        var found = await request.Get<IRoomserverQueries>().FindPdusAsync([eventId], request.ClientGone);
        // Soft-failed ones are given, and outliers, which others need to authorise by; rejected ones are not.
        if (found is not [{ Disposition: not PduDisposition.Rejected } stored])
            return MatrixError.NotFound("This event is not here.");
        if (await request.Get<RoomAccess>().CheckMemberAsync(
            stored.RoomId, request.Origin, request.ClientGone) is { } refusal)
            return refusal.Status == 404 ? MatrixError.NotFound("This event is not here.") : refusal;
        var shown = await ShowAsync(request, [stored]);
        return Transaction(request, shown);
    }

    private static async ValueTask<MatrixResponse> StateAsync(MatrixRequest request, bool idsOnly)
    {
        var (stored, refusal) = await FindAsync(request, request.Query("event_id"));
        if (stored is null)
            return refusal!;
        var graph = request.Get<RoomGraphReader>();
        var state = await graph.ReadAsync(await graph.StateBeforeAsync(stored));
        var chain = await graph.AuthChainAsync(state);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            if (idsOnly)
            {
                json.WriteIds("auth_chain_ids"u8, chain.Select(pdu => pdu.EventId));
                json.WriteIds("pdu_ids"u8, state.Select(pdu => pdu.EventId));
            }
            else
            {
                json.WritePdus("auth_chain"u8, chain);
                json.WritePdus("pdus"u8, state);
            }
            json.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> EventAuthAsync(MatrixRequest request)
    {
        var (stored, refusal) = await FindAsync(request, request.Path("eventId"));
        if (stored is null)
            return refusal!;
        var chain = await request.Get<RoomGraphReader>().AuthChainAsync([stored]);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WritePdus("auth_chain"u8, chain);
            json.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> BackfillAsync(MatrixRequest request)
    {
        if (!request.TryGetRoomId(out var roomId, out var error))
            return error;
        if (!request.TryGetLimit(HistoryMax, out var limit))
            return MatrixError.InvalidParam("limit must be a whole number.");
        var from = new List<EventId>();
        foreach (var text in request.Http.Request.Query["v"].Take(NamedMax))
        {
            if (!EventId.TryParse(text, out var eventId))
                return MatrixError.InvalidParam("v must be event ids.");
            from.Add(eventId);
        }
        if (from.Count == 0)
            return MatrixError.MissingParam("v is needed.");
        if (await request.Get<RoomAccess>().CheckMemberAsync(
            roomId, request.Origin, request.ClientGone) is { } refusal)
            return refusal;
        var history = await request.Get<RoomGraphReader>().HistoryAsync(
            roomId, from, new HashSet<EventId>(), limit, isWithStart: true, minDepth: long.MinValue);
        return Transaction(request, await ShowAsync(request, history));
    }

    private static async ValueTask<MatrixResponse> MissingAsync(MatrixRequest request)
    {
        if (!request.TryGetRoomId(out var roomId, out var error))
            return error;
        var (body, badBody) = await request.ReadJsonObjectAsync();
        if (badBody is not null)
            return badBody;
        if (ReadIds(body, "earliest_events") is not { } earliest || ReadIds(body, "latest_events") is not { } latest)
            return MatrixError.BadJson("'earliest_events' and 'latest_events' must be arrays of event ids.");
        if (!TryReadNumber(body, "limit", 10, out var limit) || !TryReadNumber(body, "min_depth", 0, out var minDepth))
            return MatrixError.BadJson("'limit' and 'min_depth' must be whole numbers.");
        if (await request.Get<RoomAccess>().CheckMemberAsync(
            roomId, request.Origin, request.ClientGone) is { } refusal)
            return refusal;
        var history = await request.Get<RoomGraphReader>().HistoryAsync(
            roomId,
            latest,
            earliest.ToHashSet(),
            (int)Math.Clamp(limit, 0, HistoryMax),
            isWithStart: false,
            minDepth);
        history.Reverse();
        var shown = await ShowAsync(request, history);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            WriteAll(json, "events"u8, shown);
            json.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> NearestAsync(MatrixRequest request)
    {
        if (!request.TryGetRoomId(out var roomId, out var error))
            return error;
        if (!long.TryParse(
            request.Query("ts"),
            System.Globalization.NumberStyles.AllowLeadingSign,
            System.Globalization.CultureInfo.InvariantCulture,
            out var ts) || request.Query("dir") is not ("f" or "b"))
            return MatrixError.InvalidParam("ts must be a time in milliseconds, dir f or b.");
        if (await request.Get<RoomAccess>().CheckMemberAsync(
            roomId, request.Origin, request.ClientGone) is { } refusal)
            return refusal;
        var found = await request.Get<IRoomGraphQueries>().FindNearestAsync(
            roomId, ts, request.Query("dir") == "f", request.ClientGone);
        if (found is not { } nearest)
            return MatrixError.NotFound("There is no event in that direction.");
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("event_id"u8, nearest.EventId.Value);
            json.WriteNumber("origin_server_ts"u8, nearest.OriginServerTs);
            json.WriteEndObject();
        });
    }

    private static async ValueTask<(RoomserverPdu? Pdu, MatrixResponse? Refusal)> FindAsync(
        MatrixRequest request, string? eventIdText)
    {
        if (!request.TryGetRoomId(out var roomId, out var error)
            || !request.TryGetEventId(eventIdText, out var eventId, out error))
            return (null, error);
        if (await request.Get<RoomAccess>().CheckMemberAsync(
            roomId, request.Origin, request.ClientGone) is { } refusal)
            return (null, refusal);
        return await request.Get<RoomGraphReader>().FindAsync(roomId, eventId) is { } stored
            ? (stored, null)
            : (null, MatrixError.NotFound("This event is not here."));
    }

    private static async ValueTask<List<ReadOnlyMemory<byte>>> ShowAsync(
        MatrixRequest request, IReadOnlyList<RoomserverPdu> pdus)
    {
        var graph = request.Get<RoomGraphReader>();
        var shown = new List<ReadOnlyMemory<byte>>(pdus.Count);
        foreach (var pdu in pdus)
            shown.Add(await graph.ShowAsync(pdu, request.Origin));
        return shown;
    }

    /// <summary>PDUs in the form of a transaction.</summary>
    private static MatrixResponse Transaction(MatrixRequest request, List<ReadOnlyMemory<byte>> pdus) =>
        new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("origin"u8, request.Get<ServerIdentity>().Name.Value);
            json.WriteNumber("origin_server_ts"u8, request.ReceivedAtMs);
            WriteAll(json, "pdus"u8, pdus);
            json.WriteEndObject();
        });

    private static void WriteAll(Utf8JsonWriter json, ReadOnlySpan<byte> name, List<ReadOnlyMemory<byte>> pdus)
    {
        json.WriteStartArray(name);
        foreach (var pdu in pdus)
            json.WriteRawValue(pdu.Span, skipInputValidation: true);
        json.WriteEndArray();
    }

    private static List<EventId>? ReadIds(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array)
            return null;
        var eventIds = new List<EventId>();
        foreach (var entry in list.EnumerateArray().Take(NamedMax))
        {
            if (entry.ValueKind != JsonValueKind.String || !EventId.TryParse(entry.GetString(), out var eventId))
                return null;
            eventIds.Add(eventId);
        }
        return eventIds;
    }

    private static bool TryReadNumber(JsonElement body, string name, long otherwise, out long number)
    {
        number = otherwise;
        return !body.TryGetProperty(name, out var value)
            || (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out number));
    }
}
