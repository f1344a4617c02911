using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/initialSync: a room in one piece, also for those who only look into it.</summary>
/// <remarks>Spec: v1.19 client-server-api #room-previews.</remarks>
internal static class RoomInitialSyncEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/initialSync",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidinitialsync")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!ReadingParameters.TryReadLimit(request, out var limit, out var error))
            return error!;
        var (opened, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        var access = opened!;
        var reader = request.Get<RoomReader>();
        var page = await new TimelinePager(reader, access, EventFilter.None).ReadAsync(
            true, TimelinePlace.After(access.Position), null, limit, request.ClientGone);
        page.Events.Reverse();
        var range = new StateRange(access.RoomId.Value, access.StateAt, 0, WithMembers: true);
        var accountData = await (await request.ReadAsync<IAccountDataQueries>()).AllAsync(
            request.Requester.UserId, request.ClientGone);
        var membership = access.History.Membership;
        var info = new RoomInfo(access.RoomId.Value, membership == Membership.Knock ? null : membership)
        {
            Messages = page.Events,
            Start = page.Events.Count > 0 ? TimelinePlace.Before(page.Events[0]) : TimelinePlace.After(access.StateAt),
            End = TimelinePlace.After(access.StateAt),
            State = await reader.ReadStateAsync(range, request.ClientGone),
            IsPublic = await request.Get<IRoomserverQueries>().IsPublicAsync(access.RoomId, request.ClientGone),
            AccountData = [.. accountData.Where(entry => entry.RoomId == access.RoomId)],
            History = access.History,
        };
        var audience = await access.AudienceAsync(request, page.Events);
        return new MatrixResponse.Json(writer => info.Write(writer, audience));
    }
}
