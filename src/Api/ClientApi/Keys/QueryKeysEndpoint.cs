using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>Tells the keys of users and their devices, here and elsewhere.</summary>
internal static class QueryKeysEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/keys/query",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#post_matrixclientv3keysquery")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (KeyRequests.ReadTimeout(body, out var timeout) is { } wrong)
            return wrong;
        if (KeyRequests.ReadQuery(body, out var users) is { } wrongUsers)
            return wrongUsers;
        var answer = await request.Get<KeyQuery>().FindAsync(
            users.Keys, request.Requester.UserId, timeout, request.ClientGone);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            KeyRequests.WriteFailures(json, answer.Failures);
            KeyQuery.Write(json, answer, user => users[user]);
            KeyQuery.WriteUserSigningKeys(json, answer);
            json.WriteEndObject();
        });
    }
}
