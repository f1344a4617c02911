using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserDirectory;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>POST /user_directory/search: people by their names.</summary>
internal static class UserDirectoryEndpoint
{
    /// <summary>LIMIT: users of one answer. Ours: more is no help to whoever looks for one.</summary>
    private const int UsersMax = 50;

    private const int UsersDefault = 10;

    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/user_directory/search",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#post_matrixclientv3user_directorysearch");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty("search_term"u8, out var term))
            return MatrixError.MissingParam("search_term is needed.");
        if (term.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson("search_term must be a string.");
        var limit = (long)UsersDefault;
        if (body.TryGetProperty("limit"u8, out var asked)
            && (asked.ValueKind != JsonValueKind.Number || !asked.TryGetInt64(out limit) || limit < 0))
        {
            return MatrixError.BadJson("limit must be a whole number, zero or more.");
        }
        limit = Math.Min(limit, UsersMax);

        await request.Get<IProjectionGate>().WaitForHeadAsync(UserDirectoryProjection.Gate, request.ClientGone);
        // One more than is shown says that there is more.
        var users = await request.Get<UserDirectoryQueries>().FindAsync(
            request.Requester.UserId.Value, term.GetString()!, (int)limit + 1, request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("results"u8);
            foreach (var user in users.Take((int)limit))
                WriteUser(writer, user);
            writer.WriteEndArray();
            writer.WriteBoolean("limited"u8, users.Count > limit);
            writer.WriteEndObject();
        });
    }

    private static void WriteUser(Utf8JsonWriter writer, KnownUser user)
    {
        writer.WriteStartObject();
        writer.WriteString("user_id"u8, user.UserId);
        if (user.DisplayName is not null)
            writer.WriteString("display_name"u8, user.DisplayName);
        if (user.AvatarUrl is not null)
            writer.WriteString("avatar_url"u8, user.AvatarUrl);
        writer.WriteEndObject();
    }
}
