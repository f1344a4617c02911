using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Changes the requester's password.</summary>
/// <remarks>
/// NOTSPEC: a token is needed; without one the spec's way is an e-mail, which this server does not send.
/// </remarks>
internal static class AccountPassword
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/account/password",
        AuthKind.AccessToken,
        RateClass.Login,
        "client-server-api#post_matrixclientv3accountpassword")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        return await request.WithPasswordAsync(body, Spec.Path, parameters => ChangeAsync(request, parameters));
    }

    private static ValueTask<MatrixResponse> ChangeAsync(MatrixRequest request, JsonElement parameters)
    {
        var fields = new BodyFields(parameters);
        var requester = request.Requester;
        var command = new ChangePassword(
            request.CommandContext(),
            requester.UserId,
            fields.RequiredString("new_password"),
            fields.Bool("logout_devices", otherwise: true),
            requester.DeviceId);
        return fields.Error is { } error ? ValueTask.FromResult<MatrixResponse>(error) : request.SendAsync(command);
    }
}
