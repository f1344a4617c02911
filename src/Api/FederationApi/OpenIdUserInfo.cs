using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Whose an OpenID token is, for any service that was given it.</summary>
internal static class OpenIdUserInfo
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/federation/v1/openid/userinfo",
        AuthKind.None,
        RateClass.Read,
        "server-server-api#get_matrixfederationv1openiduserinfo");

    private static readonly MatrixError Unknown =
        new(401, ErrCodes.UnknownToken, "The token is not known, or has expired.");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Query("access_token") is not { } token)
            return new MatrixError(401, ErrCodes.MissingToken, "access_token is missing.");
        if (!request.Get<OpenIdTokens>().TryRead(token, out var userId))
            return Unknown;
        var accounts = await request.ReadAsync<IAccountQueries>();
        if (await accounts.FindAsync(userId, request.ClientGone) is null or { IsDeactivated: true })
            return Unknown;
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("sub"u8, userId.Value);
            writer.WriteEndObject();
        });
    }
}
