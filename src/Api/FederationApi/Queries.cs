using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using System.Text.Json;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers ask for our aliases and our users' profiles.</summary>
internal static class Queries
{
    public static readonly EndpointSpec DirectorySpec = new(
        "GET", "/_matrix/federation/v1/query/directory", AuthKind.Server, RateClass.None,
        "server-server-api#get_matrixfederationv1querydirectory");

    public static readonly EndpointSpec ProfileSpec = new(
        "GET", "/_matrix/federation/v1/query/profile", AuthKind.Server, RateClass.None,
        "server-server-api#get_matrixfederationv1queryprofile");

    public static readonly EndpointSpec OtherSpec = new(
        "GET", "/_matrix/federation/v1/query/{queryType}", AuthKind.Server, RateClass.None,
        "server-server-api#get_matrixfederationv1queryquerytype");

    public static void Map(EndpointTable table)
    {
        table.Add(DirectorySpec, DirectoryAsync);
        table.Add(ProfileSpec, ProfileAsync);
        table.Add(OtherSpec, static _ => new(MatrixError.NotFound("This server answers no such query.")));
    }

    private static async ValueTask<MatrixResponse> DirectoryAsync(MatrixRequest request)
    {
        if (!RoomAlias.TryParse(request.Query("room_alias"), out var alias))
            return MatrixError.InvalidParam("room_alias must be a room alias.");
        var aliases = request.Get<AliasBook>();
        if (!aliases.IsOurs(alias))
            return MatrixError.NotFound("This room alias points nowhere.");
        var (roomId, _, problem) = await request.Get<RemoteMemberships>().FindRoomAsync(
            alias.Value, request.ClientGone);
        if (problem is not null)
            return problem;
        var servers = await request.Get<IJoinedHosts>().InRoomAsync(roomId, request.ClientGone);
        var ours = request.Get<ServerIdentity>().Name;
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("room_id"u8, roomId.Value);
            json.WriteStartArray("servers"u8);
            foreach (var server in servers.Prepend(ours).Distinct())
                json.WriteStringValue(server.Value);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> ProfileAsync(MatrixRequest request)
    {
        if (!UserId.TryParse(request.Query("user_id"), out var userId))
            return MatrixError.InvalidParam("user_id must be a user id.");
        if (userId.Server != request.Get<ServerIdentity>().Name)
            return MatrixError.InvalidParam("The user is not of this server.");
        if (request.Http.RequestServices.GetService<AppserviceProvisioning>() is { } appservices)
            await appservices.EnsureUserAsync(userId, request.ClientGone);
        await request.Get<IProjectionGate>().WaitForHeadAsync(UserApiProjection.Gate, request.ClientGone);
        if (await request.Get<IProfileQueries>().FindAsync(userId, request.ClientGone) is not { } profile)
            return MatrixError.NotFound("There is no such user.");
        var field = request.Query("field");
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            if (profile.DisplayName is not null && field is null or "displayname")
                json.WriteString("displayname"u8, profile.DisplayName);
            if (profile.AvatarUrl is not null && field is null or "avatar_url")
                json.WriteString("avatar_url"u8, profile.AvatarUrl);
            json.WriteEndObject();
        });
    }
}
