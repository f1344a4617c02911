using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Accounts and sessions of application services' users, by <c>m.login.application_service</c>.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #server-admin-style-permissions.
/// Errors: M_MISSING_TOKEN and M_UNKNOWN_TOKEN (401) without a token of an application service; M_EXCLUSIVE outside its
/// namespaces.
/// </remarks>
internal static class AppserviceAccounts
{
    public const string LoginType = "m.login.application_service";

    private static readonly MatrixError MissingToken =
        new(401, ErrCodes.MissingToken, "The token of an application service is needed.");
    private static readonly MatrixError UnknownToken =
        new(401, ErrCodes.UnknownToken, "This is not the token of an application service.");

    /// <summary>Whether a body asks for this way of registering or logging in.</summary>
    public static bool IsAskedFor(JsonElement body) =>
        body.TryGetProperty("type"u8, out var type)
        && type.ValueKind == JsonValueKind.String
        && type.ValueEquals(LoginType);

    /// <summary>Whether a request that needs no token has an application service's: what it asks for while it is asked
    /// itself must not be asked of it again.</summary>
    public static bool IsFromAppservice(this MatrixRequest request) =>
        RequestPipeline.AccessToken(request.Http) is { } token
        && request.Get<AppserviceSet>().FindByToken(token) is not null;

    /// <summary>Makes an account without a password, and a session unless none is wanted.</summary>
    public static async ValueTask<MatrixResponse> RegisterAsync(MatrixRequest request, JsonElement parameters)
    {
        if (FindService(request, out var service) is { } refused)
            return refused;
        var (body, error) = await RegisterBody.ReadAsync(request, parameters, service!.Id);
        if (error is not null)
            return error;
        if (body.UserId is not { } userId)
            return MatrixError.MissingParam("username is missing.");
        var server = request.Get<HomeserverConfig>().ServerName;
        var command = new RegisterAccount(
            request.CommandContext(new FactActor(User: service.Sender.Value)),
            userId,
            AccountKind.Appservice,
            IsAdmin: false,
            Password: null,
            body.DeviceId,
            body.DeviceName,
            body.InhibitLogin)
        {
            IsRefreshable = body.IsRefreshable,
            AppserviceId = service.Id,
        };
        return await request.SendAsync(
            command, session => AccountRequests.ToBytes(writer => SessionAnswer.Write(writer, session, server)));
    }

    /// <summary>Opens a session for a user in the namespaces.</summary>
    public static async ValueTask<MatrixResponse> LogInAsync(
        MatrixRequest request, JsonElement body, string? deviceId, string? deviceName, bool isRefreshable)
    {
        if (FindService(request, out var service) is { } refused)
            return refused;
        var server = request.Get<HomeserverConfig>().ServerName;
        if (UserIdentifier.Read(body, server, out var userId) is { } problem)
            return problem;
        if (!service!.OwnsUser(userId))
        {
            return new MatrixError(
                400, ErrCodes.Exclusive, "This user is in no namespace of the application service.");
        }
        var command = new AppserviceLogIn(
            request.CommandContext(new FactActor(User: userId.Value)), userId, deviceId, deviceName, isRefreshable);
        return await request.SendAsync(
            command, session => new MatrixResponse.Json(writer => SessionAnswer.Write(writer, session, server)));
    }

    private static MatrixError? FindService(MatrixRequest request, out AppserviceRegistration? service)
    {
        service = null;
        if (RequestPipeline.AccessToken(request.Http) is not { } token)
            return MissingToken;
        service = request.Get<AppserviceSet>().FindByToken(token);
        return service is null ? UnknownToken : null;
    }
}
