using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>New tokens for a session, in exchange for its refresh token.</summary>
/// <remarks>Spec: v1.19 client-server-api #refreshing-access-tokens.</remarks>
internal static class Refresh
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/refresh",
        AuthKind.None,
        RateClass.Login,
        "client-server-api#post_matrixclientv3refresh");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var token, error) = ReadToken(body);
        if (error is not null)
            return error;
        if (token.Length > AccessTokens.LengthMax)
            return CredentialsDecider.UnknownRefreshToken;
        var sha256 = AccessTokens.Hash(token);
        var queries = await request.ReadAsync<ITokenQueries>();
        if (await queries.FindByRefreshAsync(sha256, request.ClientGone) is not { } userId)
            return CredentialsDecider.UnknownRefreshToken;
        var context = request.CommandContext(new FactActor(User: userId.Value));
        return await request.SendAsync(
            new RefreshSession(context, userId, sha256),
            tokens => new MatrixResponse.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("access_token"u8, tokens.AccessToken);
                SessionAnswer.WriteRefresh(writer, tokens);
                writer.WriteEndObject();
            }));
    }

    private static (string Token, MatrixError? Error) ReadToken(JsonElement body)
    {
        var fields = new BodyFields(body);
        return (fields.RequiredString("refresh_token"), fields.Error);
    }
}
