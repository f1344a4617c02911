using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Gives the requester a token with which another client of theirs can log in, once.</summary>
/// <remarks>The password is asked for each time, as the spec demands.</remarks>
internal static class GetLoginToken
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v1/login/get_token",
        AuthKind.AccessToken,
        RateClass.Login,
        "client-server-api#post_matrixclientv1loginget_token")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        return await request.WithPasswordAsync(body, Spec.Path, _ => ValueTask.FromResult(Answer(request)));
    }

    // Not as bytes, which would be kept to be given again: the token of a second answer would be used up.
    private static MatrixResponse Answer(MatrixRequest request)
    {
        var token = request.Get<LoginTokens>().Create(request.Requester.UserId);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("login_token"u8, token);
            writer.WriteNumber("expires_in_ms"u8, (long)LoginTokens.Lifetime.TotalMilliseconds);
            writer.WriteEndObject();
        });
    }
}
