using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>A user's presence: set by themselves, read by those who share a room with them.</summary>
internal static class PresenceEndpoints
{
    private const string Path = "/_matrix/client/v3/presence/{userId}/status";

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        Path,
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3presenceuseridstatus");

    public static readonly EndpointSpec PutSpec = new(
        "PUT",
        Path,
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#put_matrixclientv3presenceuseridstatus");

    private static readonly string[] Projections =
        [EduServerProjection.ProjectionName, RoomserverProjection.ProjectionName, UserApiProjection.ProjectionName];

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, GetAsync);
        table.Add(PutSpec, PutAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        if (request.TryGetUser(out var userId) is { } noUser)
            return noUser;
        var reader = request.Get<EduReader>();
        var self = request.Requester.UserId;
        await request.Get<IProjectionGate>().WaitForHeadAsync(Projections, request.ClientGone);
        if (userId != self && !await reader.ShareARoomAsync(self.Value, userId.Value, request.ClientGone))
            return MatrixError.Forbidden("You share no room with this user.");
        var tracker = request.Get<PresenceTracker>();
        var known = tracker.IsEnabled ? await reader.FindPresenceAsync(userId.Value, request.ClientGone) : null;
        var presence = known ?? new UserPresence(userId.Value, PresenceState.Offline, null, 0, false);
        var nowMs = request.ReceivedAtMs;
        var lastActiveMs = known is null ? null : tracker.FindLastActive(userId) ?? (long?)known.LastActiveMs;
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            EphemeralWriter.WritePresenceFields(writer, presence, lastActiveMs, nowMs);
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request)
    {
        if (request.TryGetSelf(out var userId) is { } notSelf)
            return notSelf;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if ((body.TryGetString("presence", out var word) ?? body.TryGetString("status_msg", out _)) is { } wrong)
            return wrong;
        if (word is null)
            return MatrixError.MissingParam("presence is missing.");
        if (!PresenceWords.TryParse(word, out var presence))
            return MatrixError.InvalidParam("presence is online, offline or unavailable.");
        body.TryGetString("status_msg", out var statusMsg);
        return (await RoomRequests.SendAsync(request, new SetPresence(
            request.CommandContext(), userId, presence, statusMsg))).ToEmpty();
    }
}
