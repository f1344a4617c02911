using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Whether a registration token would be taken.</summary>
internal static class RegistrationTokenValidity
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/register/m.login.registration_token/validity",
        AuthKind.None,
        RateClass.Registration,
        "client-server-api#get_matrixclientv1registermloginregistration_tokenvalidity");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static ValueTask<MatrixResponse> HandleAsync(MatrixRequest request) =>
        ValueTask.FromResult(Answer(request));

    private static MatrixResponse Answer(MatrixRequest request)
    {
        var policy = request.Get<RegistrationPolicy>();
        if (policy.Mode == RegistrationOpenness.Closed)
            return MatrixError.Forbidden("Registration is disabled.");
        if (request.Query("token") is not { } token)
            return MatrixError.MissingParam("token is missing.");
        var isValid = token.Length is > 0 and <= Limits.RegistrationTokenLengthMax && policy.AdmitsToken(token);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteBoolean("valid"u8, isValid);
            writer.WriteEndObject();
        });
    }
}
