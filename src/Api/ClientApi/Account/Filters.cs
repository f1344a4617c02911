using System.Runtime.InteropServices;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Stores filters and gives them back.</summary>
internal static class Filters
{
    public static readonly EndpointSpec PostSpec = new(
        "POST",
        "/_matrix/client/v3/user/{userId}/filter",
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#post_matrixclientv3useruseridfilter")
    {
        BodyBytesMax = Limits.FilterBytesMax,
    };

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        "/_matrix/client/v3/user/{userId}/filter/{filterId}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3useruseridfilterfilterid");

    public static void Map(EndpointTable table)
    {
        table.Add(PostSpec, PostAsync);
        table.Add(GetSpec, GetAsync);
    }

    private static async ValueTask<MatrixResponse> PostAsync(MatrixRequest request)
    {
        if (request.TryGetSelf(out var userId) is { } problem)
            return problem;
        var (body, error) = await request.ReadJsonObjectAsync();
        error ??= FilterShape.FindProblem(body);
        if (error is not null)
            return error;
        var filter = new RawJson(JsonMarshal.GetRawUtf8Value(body).ToArray());
        return await request.SendAsync(
            new StoreFilter(request.CommandContext(), userId, filter),
            filterId => new MatrixResponse.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("filter_id"u8, filterId);
                writer.WriteEndObject();
            }));
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        if (request.TryGetSelf(out var userId) is { } problem)
            return problem;
        var queries = await request.ReadAsync<IFilterQueries>();
        return await queries.FindAsync(userId, request.Path("filterId"), request.ClientGone) is { } filter
            ? new MatrixResponse.RawJson(filter)
            : MatrixError.NotFound("There is no such filter.");
    }
}
