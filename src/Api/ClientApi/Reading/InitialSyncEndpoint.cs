using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /initialSync: all rooms of the caller, each in one piece. Deprecated in the spec: an initial /sync in
/// another form.</summary>
internal static class InitialSyncEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/initialSync",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3initialsync");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!ReadingParameters.TryReadLimit(request, out var limit, out var error)
            || !ReadingParameters.TryReadFlag(request, "archived", out var isArchived, out error))
        {
            return error!;
        }
        var sync = new SyncRequest(request.Requester.UserId, request.Requester.DeviceId)
        {
            // The state goes with the end of the timeline here, not with its start.
            UseStateAfter = true,
            Filter = new SyncFilter { Timeline = new() { Limit = limit }, IncludeLeave = isArchived == true },
        };
        var answer = await request.Get<SyncEngine>().AnswerAsync(sync, request.ClientGone, request.ClientGone);
        var rooms = new List<RoomInfo>();
        foreach (var room in answer.Joined)
            rooms.Add(await InfoAsync(request, room, Membership.Join, answer.NextBatch));
        foreach (var invite in answer.Invited)
            rooms.Add(new(invite.RoomId, Membership.Invite) { Invite = invite.Member });
        foreach (var room in answer.Left)
            rooms.Add(await InfoAsync(request, room, room.History?.Membership ?? Membership.Leave, answer.NextBatch));
        var audience = await request.Get<EventBundler>().BundleAsync(
            RoomAccess.Audience(request), answer, request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("end"u8, SyncTokens.Write(answer.NextBatch));
            writer.WriteStartArray("presence"u8);
            writer.WriteEndArray();
            writer.WriteStartArray("rooms"u8);
            foreach (var room in rooms)
                room.Write(writer, audience);
            writer.WriteEndArray();
            writer.WritePropertyName("account_data"u8);
            RoomInfo.WriteAccountData(writer, answer.AccountData);
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<RoomInfo> InfoAsync(
        MatrixRequest request, SyncRoom room, Membership membership, long end) => new(room.RoomId, membership)
    {
        Messages = room.Timeline,
        Start = room.PrevBatch,
        End = TimelinePlace.After(end),
        State = room.State,
        IsPublic = await request.Get<IRoomserverQueries>().IsPublicAsync(
            RoomId.Parse(room.RoomId), request.ClientGone),
        AccountData = room.AccountData,
        History = room.History,
    };
}
