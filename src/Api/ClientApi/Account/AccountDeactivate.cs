using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Closes the requester's account for good.</summary>
internal static class AccountDeactivate
{
    // No third-party id is ever bound here, so there is none to unbind.
    private static readonly MatrixResponse Closed =
        new MatrixResponse.RawJson("{\"id_server_unbind_result\":\"success\"}"u8.ToArray());

    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/account/deactivate",
        AuthKind.AccessToken,
        RateClass.Login,
        "client-server-api#post_matrixclientv3accountdeactivate")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        return await request.WithPasswordAsync(body, Spec.Path, async _ =>
        {
            var requester = request.Requester;
            var answer = await request.SendAsync(
                new DeactivateAccount(request.CommandContext(), requester.UserId), static _ => Closed);
            request.Get<ITokenQueries>().Forget(requester.TokenSha256);
            return answer;
        });
    }
}
