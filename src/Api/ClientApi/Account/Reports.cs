using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Reports events, rooms and users to the administrators of this server.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #reporting-content. A user of another server is not looked for: this server may just
/// not have met them.
/// </remarks>
internal static class Reports
{
    private static readonly string[] RoomProjections = [RoomserverProjection.ProjectionName];

    private static readonly MatrixError NoRoom = MatrixError.NotFound("There is no such room.");
    private static readonly MatrixError NoEvent =
        MatrixError.NotFound("There is no such event, or you are not joined to its room.");

    public static readonly EndpointSpec RoomSpec = Spec("rooms/{roomId}/report", "roomsroomidreport");

    public static readonly EndpointSpec EventSpec = Spec("rooms/{roomId}/report/{eventId}", "roomsroomidreporteventid");

    public static readonly EndpointSpec UserSpec = Spec("users/{userId}/report", "usersuseridreport");

    public static void Map(EndpointTable table)
    {
        table.Add(RoomSpec, ReportRoomAsync);
        table.Add(EventSpec, ReportEventAsync);
        table.Add(UserSpec, ReportUserAsync);
    }

    private static EndpointSpec Spec(string path, string heading) => new(
        "POST",
        "/_matrix/client/v3/" + path,
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3" + heading);

    private static async ValueTask<MatrixResponse> ReportRoomAsync(MatrixRequest request)
    {
        var (reason, error) = await ReadReasonAsync(request, isRequired: true);
        if (error is not null)
            return error;
        if (!RoomId.TryParse(request.Path("roomId"), out var roomId))
            return MatrixError.InvalidParam("The path holds no room id.");
        await request.Get<IProjectionGate>().WaitForHeadAsync(RoomProjections, request.ClientGone);
        var history = await request.Get<RoomReader>()
            .FindHistoryAsync(roomId.Value, request.Requester.UserId.Value, request.ClientGone);
        return history.IsKnown ? await SendAsync(request, new(Me(request), roomId, Reason: reason)) : NoRoom;
    }

    private static async ValueTask<MatrixResponse> ReportEventAsync(MatrixRequest request)
    {
        var (reason, error) = await ReadReasonAsync(request, isRequired: false);
        if (error is not null)
            return error;
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (access is null)
            return refusal!.Status == 403 ? NoEvent : refusal;
        if (!access.History.IsJoined || await EventEndpoint.FindVisibleAsync(request, access) is not { } reported)
            return NoEvent;
        return await SendAsync(request, new(Me(request), access.RoomId, reported.Pdu.EventId, Reason: reason));
    }

    private static async ValueTask<MatrixResponse> ReportUserAsync(MatrixRequest request)
    {
        var (reason, error) = await ReadReasonAsync(request, isRequired: true);
        error ??= request.TryGetUser(out _);
        if (error is not null)
            return error;
        request.TryGetUser(out var userId);
        if (userId.Server == request.Get<HomeserverConfig>().ServerName)
        {
            var accounts = await request.ReadAsync<IAccountQueries>();
            if (await accounts.FindAsync(userId, request.ClientGone) is null)
                return MatrixError.NotFound("There is no such user.");
        }
        return await SendAsync(request, new(Me(request), ReportedUser: userId, Reason: reason));
    }

    private static UserId Me(MatrixRequest request) => request.Requester.UserId;

    private static ValueTask<MatrixResponse> SendAsync(MatrixRequest request, ContentReported report) =>
        request.SendAsync(new ReportContent(request.CommandContext(), report));

    private static async ValueTask<(string? Reason, MatrixError? Error)> ReadReasonAsync(
        MatrixRequest request, bool isRequired)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: !isRequired);
        return error is null ? Read(body, isRequired) : (null, error);
    }

    private static (string? Reason, MatrixError? Error) Read(JsonElement body, bool isRequired)
    {
        var fields = new BodyFields(body);
        var reason = isRequired ? fields.RequiredString("reason") : fields.OptionalString("reason");
        return (reason, fields.Error);
    }
}
