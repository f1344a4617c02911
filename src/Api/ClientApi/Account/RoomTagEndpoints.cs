using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Tags of rooms: a user's own, kept as the room's account data <c>m.tag</c>.</summary>
internal static class RoomTagEndpoints
{
    private const string AllPath = "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags";
    private const string OnePath = AllPath + "/{tag}";

    public static readonly EndpointSpec GetSpec = Spec(
        "GET", AllPath, RateClass.Read, "get_matrixclientv3useruseridroomsroomidtags");

    public static readonly EndpointSpec PutSpec = Spec(
        "PUT", OnePath, RateClass.Profile, "put_matrixclientv3useruseridroomsroomidtagstag");

    public static readonly EndpointSpec DeleteSpec = Spec(
        "DELETE", OnePath, RateClass.Profile, "delete_matrixclientv3useruseridroomsroomidtagstag");

    private static EndpointSpec Spec(string method, string path, RateClass rate, string heading) =>
        new(method, path, AuthKind.AccessToken, rate, "client-server-api#" + heading);

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, GetAsync);
        table.Add(PutSpec, PutAsync);
        table.Add(DeleteSpec, DeleteAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        if (ReadPath(request, out var userId, out var roomId) is { } problem)
            return problem;
        var queries = await request.ReadAsync<IAccountDataQueries>();
        var content = await queries.FindAsync(userId, roomId, ClientConfigState.TagType, request.ClientGone);
        return new MatrixResponse.RawJson(RoomTags.Only(content).Utf8);
    }

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request)
    {
        if (ReadPath(request, out var userId, out var roomId) is { } problem)
            return problem;
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if ((error ?? FindProblem(body)) is { } bad)
            return bad;
        var value = new RawJson(JsonMarshal.GetRawUtf8Value(body).ToArray());
        return await request.SendAsync(
            new SetRoomTag(request.CommandContext(), userId, roomId, request.Path("tag"), value));
    }

    private static async ValueTask<MatrixResponse> DeleteAsync(MatrixRequest request)
    {
        if (ReadPath(request, out var userId, out var roomId) is { } problem)
            return problem;
        return await request.SendAsync(
            new SetRoomTag(request.CommandContext(), userId, roomId, request.Path("tag"), Value: null));
    }

    /// <summary>Spec: v1.19 client-server-api #room-tagging: the order is a number between 0 and 1.</summary>
    private static MatrixError? FindProblem(JsonElement tag)
    {
        if (!tag.TryGetProperty("order"u8, out var order))
            return null;
        if (order.ValueKind != JsonValueKind.Number)
            return MatrixError.BadJson("order must be a number.");
        return order.TryGetDouble(out var value) && value is >= 0 and <= 1
            ? null
            : MatrixError.InvalidParam("order must be between 0 and 1.");
    }

    private static MatrixError? ReadPath(MatrixRequest request, out UserId userId, out RoomId roomId)
    {
        roomId = default;
        if (request.TryGetSelf(out userId) is { } error)
            return error;
        return RoomId.TryParse(request.Path("roomId"), out roomId)
            ? null
            : MatrixError.InvalidParam("The path holds no room id.");
    }
}
