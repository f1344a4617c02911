using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Ends the session that asks, or all sessions of its user.</summary>
internal static class Logout
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/logout",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#post_matrixclientv3logout")
    {
        GuestsAllowed = true,
        LockedAllowed = true,
    };

    public static readonly EndpointSpec AllSpec = new(
        "POST",
        "/_matrix/client/v3/logout/all",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#post_matrixclientv3logoutall")
    {
        GuestsAllowed = true,
        LockedAllowed = true,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, request => EndAsync(request, [request.Requester.DeviceId]));
        table.Add(AllSpec, request => EndAsync(request, null));
    }

    private static async ValueTask<MatrixResponse> EndAsync(MatrixRequest request, IReadOnlyList<string>? deviceIds)
    {
        var requester = request.Requester;
        var answer = await request.SendAsync(new EndSessions(request.CommandContext(), requester.UserId, deviceIds));
        request.Get<ITokenQueries>().Forget(requester.TokenSha256);
        return answer;
    }
}
