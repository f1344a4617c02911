using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Gives the requester a token with which another service learns who they are.</summary>
internal static class OpenIdToken
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/user/{userId}/openid/request_token",
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#post_matrixclientv3useruseridopenidrequest_token");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.TryGetSelf(out var userId) is { } problem)
            return problem;
        var (_, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        var token = request.Get<OpenIdTokens>().Create(userId);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("access_token"u8, token);
            writer.WriteString("token_type"u8, "Bearer"u8);
            writer.WriteString("matrix_server_name"u8, request.Get<HomeserverConfig>().ServerName.Value);
            writer.WriteNumber("expires_in"u8, (long)OpenIdTokens.Lifetime.TotalSeconds);
            writer.WriteEndObject();
        });
    }
}
