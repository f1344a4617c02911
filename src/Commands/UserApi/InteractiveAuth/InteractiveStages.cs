using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.InteractiveAuth;

/// <summary>The stages that this server knows.</summary>
/// <remarks>Spec: v1.19 client-server-api #authentication-types.</remarks>
public sealed class InteractiveStages(RegistrationPolicy policy, PasswordCheck passwords)
{
    /// <summary>For requests that make an account.</summary>
    public ValueTask<MatrixError?> CheckRegistrationAsync(string stage, JsonElement auth) =>
        ValueTask.FromResult(stage switch
    {
        InteractiveFlows.Dummy => null,
        InteractiveFlows.RegistrationToken => CheckToken(auth),
        _ => MatrixError.Forbidden("Unknown stage."),
    });

    /// <summary>For requests of a user who must show again that they know their password.</summary>
    public async ValueTask<MatrixError?> CheckPasswordAsync(string stage, JsonElement auth, UserId expected)
    {
        if (stage != InteractiveFlows.Password)
            return MatrixError.Forbidden("Unknown stage.");
        if (UserIdentifier.Read(auth, expected.Server, out var userId) is { } problem)
            return problem;
        if (!auth.TryGetProperty("password", out var password))
            return MatrixError.MissingParam("password is missing.");
        if (password.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson("password must be a string.");
        if (userId != expected)
            return MatrixError.Forbidden("This is another user.");
        return (await passwords.VerifyAsync(userId, password.GetString()!)).Error;
    }

    private MatrixError? CheckToken(JsonElement auth)
    {
        if (!auth.TryGetProperty("token", out var token))
            return MatrixError.MissingParam("token is missing.");
        if (token.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson("token must be a string.");
        return token.GetString() is { Length: > 0 and <= Limits.RegistrationTokenLengthMax } text
            && policy.AdmitsToken(text)
            ? null
            : new MatrixError(401, ErrCodes.Unauthorized, "This registration token is not valid.");
    }
}
