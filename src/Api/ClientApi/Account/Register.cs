using System.Text.Json;
using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Makes an account: through authentication for users, at once for guests.</summary>
/// <remarks>A name is checked before the authentication, as the spec asks, and again by the command.</remarks>
internal static class Register
{
    /// <summary>LIMIT: names tried for somebody who chose none. Ours: 60 random bits do not collide twice.</summary>
    private const int GeneratedNamesMax = 3;

    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/register",
        AuthKind.None,
        RateClass.Registration,
        "client-server-api#post_matrixclientv3register")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
        IsCountedByHandler = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        // Web clients ask for the flows when the page opens and once more before they authenticate: no account is made.
        var isQuestion = request.Query("kind") != "guest" && !body.TryGetProperty("auth"u8, out _);
        if (request.Count(isQuestion ? RateClass.Read : RateClass.Registration) is { } tooMany)
            return tooMany;
        // Whoever else may register: an application service may, for its own users.
        if (AppserviceAccounts.IsAskedFor(body))
            return await AppserviceAccounts.RegisterAsync(request, body);
        var policy = request.Get<RegistrationPolicy>();
        switch (request.Query("kind") ?? "user")
        {
            case "guest":
                return policy.GuestsAllowed
                    ? await RegisterGuestAsync(request, body)
                    : MatrixError.Forbidden("Guests are not allowed here.");
            case "user":
                break;
            default:
                return MatrixError.InvalidParam("kind is user or guest.");
        }
        if (policy.Mode == RegistrationOpenness.Closed)
            return MatrixError.Forbidden("Registration is disabled.");

        var sessions = request.Get<InteractiveSessions>();
        if (sessions.FindAnswer(Spec.Path, body) is { } before)
            return new MatrixResponse.RawJson(before);
        if (await RegisterBody.ReadAsync(request, body) is { Error: { } problem })
            return problem;
        var stages = request.Get<InteractiveStages>();
        var flow = policy.Mode == RegistrationOpenness.Token
            ? InteractiveFlows.RegistrationToken
            : InteractiveFlows.Dummy;
        return await request.AuthenticateAsync(
            body,
            Spec.Path,
            InteractiveFlows.Of(flow),
            stages.CheckRegistrationAsync,
            parameters => RegisterUserAsync(request, parameters));
    }

    private static async ValueTask<MatrixResponse> RegisterUserAsync(MatrixRequest request, JsonElement parameters)
    {
        var (body, error) = await RegisterBody.ReadAsync(request, parameters);
        if (error is not null)
            return error;
        if (body.Password is null)
            return MatrixError.MissingParam("password is missing.");
        if (PasswordCheck.FindProblem(body.Password) is { } weak)
            return weak;
        var server = request.Get<HomeserverConfig>().ServerName;
        var random = request.Get<IRandom>();
        for (var attempt = 1; ; attempt++)
        {
            var userId = body.UserId ?? Usernames.Generate(random, server);
            var command = new RegisterAccount(
                request.CommandContext(new FactActor(User: userId.Value)),
                userId,
                AccountKind.User,
                IsAdmin: false,
                body.Password,
                body.DeviceId,
                body.DeviceName,
                body.InhibitLogin)
            {
                IsRefreshable = body.IsRefreshable,
            };
            var answer = await SendAsync(request, command, server);
            var isCollision = body.UserId is null
                && answer is MatrixResponse.Error { Value.ErrCode: ErrCodes.UserInUse };
            if (!isCollision || attempt == GeneratedNamesMax)
                return answer;
        }
    }

    /// <summary>
    /// Spec: v1.19 client-server-api #guest-access. All parameters but the device's display name are ignored, and the
    /// server picks the device id.
    /// </summary>
    private static async ValueTask<MatrixResponse> RegisterGuestAsync(MatrixRequest request, JsonElement body)
    {
        var fields = new BodyFields(body);
        var deviceName = fields.OptionalString("initial_device_display_name");
        if (fields.Error is { } error)
            return error;
        var server = request.Get<HomeserverConfig>().ServerName;
        var userId = Usernames.GenerateGuest(request.Get<IRandom>(), server);
        var command = new RegisterAccount(
            request.CommandContext(new FactActor(User: userId.Value)),
            userId,
            AccountKind.Guest,
            IsAdmin: false,
            Password: null,
            DeviceId: null,
            deviceName,
            InhibitLogin: false);
        return await SendAsync(request, command, server);
    }

    private static ValueTask<MatrixResponse> SendAsync(
        MatrixRequest request, RegisterAccount command, ServerName server) =>
        request.SendAsync(
            command,
            session =>
            {
                request.NoteUse(session.UserId, session.DeviceId);
                return AccountRequests.ToBytes(writer => SessionAnswer.Write(writer, session, server));
            });
}
