using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>The push rules of the requester.</summary>
internal static class PushRules
{
    public static readonly EndpointSpec AllSpec = new(
        "GET",
        "/_matrix/client/v3/pushrules/",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3pushrules");

    public static readonly EndpointSpec GlobalSpec = new(
        "GET",
        "/_matrix/client/v3/pushrules/global/",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3pushrulesglobal");

    public static void Map(EndpointTable table)
    {
        table.Add(AllSpec, static request => Answer(PredefinedPushRules.ContentFor(request.Requester.UserId)));
        table.Add(GlobalSpec, static request => Answer(PredefinedPushRules.GlobalFor(request.Requester.UserId)));
    }

    private static ValueTask<MatrixResponse> Answer(byte[] rules) =>
        ValueTask.FromResult<MatrixResponse>(new MatrixResponse.RawJson(rules));
}
