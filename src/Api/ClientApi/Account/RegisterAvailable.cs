using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Whether a user name is free.</summary>
/// <remarks>Web clients ask while the name is typed, so this is no registration to the rate limits.</remarks>
internal static class RegisterAvailable
{
    private static readonly MatrixResponse Available = new MatrixResponse.RawJson("{\"available\":true}"u8.ToArray());

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/register/available",
        AuthKind.None,
        RateClass.Read,
        "client-server-api#get_matrixclientv3registeravailable");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Query("username") is not { } username)
            return MatrixError.MissingParam("username is missing.");
        if (request.Get<RegistrationPolicy>().Mode == RegistrationOpenness.Closed)
            return MatrixError.Forbidden("Registration is disabled.");
        var (_, error) = await request.Get<NameAvailability>().CheckAsync(
            username, request.Get<HomeserverConfig>().ServerName, request.ClientGone);
        return error is null ? Available : error;
    }
}
