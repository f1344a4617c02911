using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>A client logs out, or somebody found a token that leaked.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #token-revocation. The session ends with both of its tokens, whoever asks: client_id
/// is
/// not looked at. A token that opens nothing is answered like one that did.
/// </remarks>
internal static class RevocationEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST", OAuthPaths.Revoke, AuthKind.None, RateClass.Message, "none#oauth-revocation")
    {
        BodyBytesMax = OAuthForms.BytesMax,
    };

    private static readonly MatrixError UnsupportedTokenType =
        new(400, "unsupported_token_type", "token_type_hint is access_token or refresh_token.");

    public static void Map(EndpointTable table) =>
        table.Add(Spec, OAuthPaths.WhenOn(OAuthForms.NotStored(HandleAsync)));

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (form, error) = await request.ReadFormAsync();
        if (error is not null)
            return OAuthForms.Refuse(error);
        if (form.Find("token") is not { } token)
            return OAuthForms.Refuse(OAuthErrors.InvalidRequest("token is missing."));
        if (form.Find("token_type_hint") is not (null or "access_token" or "refresh_token"))
            return OAuthForms.Refuse(UnsupportedTokenType);
        if (token.Length > AccessTokens.LengthMax || await FindAsync(request, token) is not var (userId, deviceId))
            return MatrixResponse.Empty;
        (_, error) = await request.ExecuteAsync(new EndSessions(
            request.CommandContext(new FactActor(User: userId.Value, Device: deviceId)), userId, [deviceId]));
        request.Get<ITokenQueries>().Forget(AccessTokens.Hash(token));
        return error is null ? MatrixResponse.Empty : OAuthForms.Refuse(error);
    }

    private static async ValueTask<(UserId UserId, string DeviceId)?> FindAsync(MatrixRequest request, string token)
    {
        var queries = await request.ReadAsync<ITokenQueries>();
        // A refresh token that is good no more still names its session: who has it should not have it.
        if (OAuthGrant.Of(token, string.Empty) is { } grant)
            return await queries.FindByGrantAsync(grant.Sha256, request.ClientGone);
        return await queries.FindAsync(AccessTokens.Hash(token), request.ClientGone) is { } owner
            ? (owner.UserId, owner.DeviceId)
            : null;
    }
}
