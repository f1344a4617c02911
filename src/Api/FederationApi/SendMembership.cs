using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Member events of other servers' users, made from our templates.</summary>
internal static class SendMembership
{
    public static readonly EndpointSpec JoinSpec = Of("v2", "send_join");
    public static readonly EndpointSpec OldJoinSpec = Of("v1", "send_join");
    public static readonly EndpointSpec LeaveSpec = Of("v2", "send_leave");
    public static readonly EndpointSpec OldLeaveSpec = Of("v1", "send_leave");
    public static readonly EndpointSpec KnockSpec = Of("v1", "send_knock");

    public static void Map(EndpointTable table)
    {
        table.Add(JoinSpec, static request => JoinAsync(request, isOld: false));
        table.Add(OldJoinSpec, static request => JoinAsync(request, isOld: true));
        table.Add(LeaveSpec, static request => LeaveAsync(request, isOld: false));
        table.Add(OldLeaveSpec, static request => LeaveAsync(request, isOld: true));
        table.Add(KnockSpec, KnockAsync);
    }

    private static EndpointSpec Of(string version, string name) => new(
        "PUT", $"/_matrix/federation/{version}/{name}/{{roomId}}/{{eventId}}", AuthKind.Server, RateClass.None,
        $"server-server-api#put_matrixfederation{version}{name}roomideventid")
    {
        NulAllowed = true,
    };

    private static async ValueTask<MatrixResponse> JoinAsync(MatrixRequest request, bool isOld)
    {
        var (taken, refusal) = await TakeAsync(request, "join");
        if (taken is null)
            return refusal!;
        var graph = request.Get<RoomGraphReader>();
        var join = (await graph.FindAsync(taken.Pdu.RoomId, taken.Pdu.EventId))!;
        var state = await graph.ReadAsync(await graph.StateBeforeAsync(join));
        var reduced = !isOld && request.Query("omit_members") == "true" ? ReducedState.Of(state, taken.Pdu) : null;
        if (reduced is not null)
            state = reduced.Pdus;
        var chain = await graph.AuthChainAsync([.. state, join]);
        if (reduced is not null)
        {
            // What is in the state already is not said twice.
            var inState = state.Select(pdu => pdu.EventId).ToHashSet();
            chain = [.. chain.Where(pdu => !inState.Contains(pdu.EventId))];
        }
        return new MatrixResponse.Json(json =>
        {
            if (isOld)
            {
                json.WriteStartArray();
                json.WriteNumberValue(200);
            }
            json.WriteStartObject();
            json.WritePdus("auth_chain"u8, chain);
            json.WritePropertyName("event"u8);
            // As it was recorded: the room's policy server may have signed it since it came.
            json.WriteRawValue(join.Json.Span, skipInputValidation: true);
            json.WriteBoolean("members_omitted"u8, reduced is not null);
            json.WriteString("origin"u8, request.Get<Protocol.Signing.ServerIdentity>().Name.Value);
            if (reduced is not null)
            {
                json.WriteStartArray("servers_in_room"u8);
                foreach (var server in reduced.Servers)
                    json.WriteStringValue(server.Value);
                json.WriteEndArray();
            }
            json.WritePdus("state"u8, state);
            json.WriteEndObject();
            if (isOld)
                json.WriteEndArray();
        });
    }

    private static async ValueTask<MatrixResponse> LeaveAsync(MatrixRequest request, bool isOld)
    {
        var (taken, refusal) = await TakeAsync(request, "leave");
        if (taken is null)
            return refusal!;
        return isOld ? new MatrixResponse.RawJson("[200,{}]"u8.ToArray()) : MatrixResponse.Empty;
    }

    private static async ValueTask<MatrixResponse> KnockAsync(MatrixRequest request)
    {
        var (taken, refusal) = await TakeAsync(request, "knock");
        if (taken is null)
            return refusal!;
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WritePropertyName("knock_room_state"u8);
            json.WriteRawValue(taken.StatePdus.Utf8.Span, skipInputValidation: true);
            json.WriteEndObject();
        });
    }

    private static async ValueTask<(ResidentMemberships.Taken? Taken, MatrixResponse? Refusal)> TakeAsync(
        MatrixRequest request, string membership)
    {
        if (!request.TryGetRoomId(out var roomId, out var error)
            || !request.TryGetEventId(request.Path("eventId"), out var eventId, out error))
            return (null, error);
        // The strict reading of bodies comes first, so that the errors are those of every endpoint.
        var (_, badBody) = await request.ReadJsonObjectAsync();
        if (badBody is not null)
            return (null, badBody);
        var (taken, refusal) = await request.Get<ResidentMemberships>().SendAsync(
            request.CommandContext(),
            request.Origin,
            roomId,
            eventId,
            membership,
            request.SignedBody,
            CancellationToken.None);
        return (taken, refusal is null ? null : (MatrixResponse)refusal);
    }
}
