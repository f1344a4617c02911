using System.Runtime.InteropServices;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Account data, global and per room; each user sees and sets only their own.</summary>
internal static class AccountDataEndpoints
{
    private const string GlobalPath = "/_matrix/client/v3/user/{userId}/account_data/{type}";
    private const string RoomPath = "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}";

    public static readonly IReadOnlyList<EndpointSpec> Specs =
    [
        Spec("GET", GlobalPath, RateClass.Read, "get_matrixclientv3useruseridaccount_datatype"),
        Spec("GET", RoomPath, RateClass.Read, "get_matrixclientv3useruseridroomsroomidaccount_datatype"),
        Spec("PUT", GlobalPath, RateClass.Profile, "put_matrixclientv3useruseridaccount_datatype"),
        Spec("PUT", RoomPath, RateClass.Profile, "put_matrixclientv3useruseridroomsroomidaccount_datatype"),
    ];

    private static EndpointSpec Spec(string method, string path, RateClass rate, string heading) =>
        new(method, path, AuthKind.AccessToken, rate, "client-server-api#" + heading);

    public static void Map(EndpointTable table)
    {
        foreach (var spec in Specs)
            table.Add(spec, spec.Method == "GET" ? GetAsync : PutAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        if (ReadPath(request, out var userId, out var roomId) is { } problem)
            return problem;
        var queries = await request.ReadAsync<IAccountDataQueries>();
        return await queries.FindAsync(userId, roomId, request.Path("type"), request.ClientGone) is { } content
            ? new MatrixResponse.RawJson(content)
            : MatrixError.NotFound("There is no account data of this type.");
    }

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request)
    {
        if (ReadPath(request, out var userId, out var roomId) is { } problem)
            return problem;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        var content = new RawJson(JsonMarshal.GetRawUtf8Value(body).ToArray());
        return await request.SendAsync(
            new SetAccountData(request.CommandContext(), userId, roomId, request.Path("type"), content));
    }

    private static MatrixError? ReadPath(MatrixRequest request, out UserId userId, out RoomId? roomId)
    {
        roomId = null;
        if (request.TryGetSelf(out userId) is { } error)
            return error;
        if (request.Path("roomId") is not { Length: > 0 } text)
            return null;
        if (!RoomId.TryParse(text, out var room))
            return MatrixError.InvalidParam("The path holds no room id.");
        roomId = room;
        return null;
    }
}
