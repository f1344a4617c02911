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
        if (request.Query("room_alias") is not { Length: > 0 } text)
            return MatrixError.MissingParam("room_alias is needed.");
        if (!RoomAlias.TryParse(text, out var alias))
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
        if (request.Query("user_id") is not { Length: > 0 } text)
            return MatrixError.MissingParam("user_id is needed.");
        if (!UserId.TryParse(text, out var userId))
            return MatrixError.InvalidParam("user_id must be a user id.");
        if (userId.Server != request.Get<ServerIdentity>().Name)
            return MatrixError.InvalidParam("The user is not of this server.");
        if (request.Http.RequestServices.GetService<AppserviceProvisioning>() is { } appservices)
            await appservices.EnsureUserAsync(userId, request.ClientGone);
        await request.Get<IProjectionGate>().WaitForHeadAsync(UserApiProjection.Gate, request.ClientGone);
        if (await request.Get<IProfileQueries>().FindAsync(userId, request.ClientGone) is not { } profile)
            return MatrixError.NotFound("There is no such user.");
        var field = request.Query("field");
        if (field is not null && profile.Find(field) is null)
            return MatrixError.NotFound("The profile has no such field.");
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            foreach (var (name, value) in profile.Fields)
            {
                if (field is not null && name != field)
                    continue;
                json.WritePropertyName(name);
                json.WriteRawValue(value.Span, skipInputValidation: true);
            }
            json.WriteEndObject();
        });
    }
}
