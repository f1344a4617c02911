using System.Text.Json;
using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Opens a session: by password, by a login token, or by an application service's own.</summary>
internal static class Login
{
    private const string PasswordType = "m.login.password";
    private const string TokenType = "m.login.token";

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        "/_matrix/client/v3/login",
        AuthKind.None,
        RateClass.Login,
        "client-server-api#get_matrixclientv3login");

    public static readonly EndpointSpec PostSpec = new(
        "POST",
        "/_matrix/client/v3/login",
        AuthKind.None,
        RateClass.Login,
        "client-server-api#post_matrixclientv3login")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, static request => new(Flows(request)));
        table.Add(PostSpec, HandleAsync);
    }

    private static MatrixResponse Flows(MatrixRequest request) => new MatrixResponse.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("flows"u8);
        SsoRedirect.WriteFlow(writer, request);
        writer.WriteRawValue(
            """
            {"type":"m.login.password"},{"type":"m.login.token","get_login_token":true},{"type":"m.login.application_service"}
            """u8,
            skipInputValidation: true);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var device, error) = ReadDevice(body);
        if (error is not null)
            return error;
        return device!.Type switch
        {
            PasswordType => await ByPasswordAsync(request, body, device),
            TokenType => await ByTokenAsync(request, body, device),
            AppserviceAccounts.LoginType => await AppserviceAccounts.LogInAsync(
                request, body, device.DeviceId, device.DeviceName, device.IsRefreshable),
            _ => new MatrixError(400, ErrCodes.Unknown, "Unknown login type."),
        };
    }

    private static async ValueTask<MatrixResponse> ByPasswordAsync(
        MatrixRequest request, JsonElement body, DeviceOfLogin device)
    {
        if (UserIdentifier.Read(body, request.Get<HomeserverConfig>().ServerName, out var userId) is { } problem)
            return problem;
        var (password, error) = ReadText(body, "password");
        if (error is not null)
            return error;
        var context = request.CommandContext(new FactActor(User: userId.Value));
        var command = new LogIn(context, userId, password, device.DeviceId, device.DeviceName)
        {
            IsRefreshable = device.IsRefreshable,
        };
        return await request.SendAsync(command, session => Answer(request, session));
    }

    /// <summary>The token is used up, whatever becomes of the login.</summary>
    private static async ValueTask<MatrixResponse> ByTokenAsync(
        MatrixRequest request, JsonElement body, DeviceOfLogin device)
    {
        var (token, error) = ReadText(body, "token");
        if (error is not null)
            return error;
        if (!request.Get<LoginTokens>().TryUse(token, out var userId))
            return MatrixError.Forbidden("The login token is not known, was used or has expired.");
        var command = new LogInByToken(
            request.CommandContext(new FactActor(User: userId.Value)),
            userId,
            device.DeviceId,
            device.DeviceName,
            device.IsRefreshable);
        return await request.SendAsync(command, session => Answer(request, session));
    }

    private static MatrixResponse Answer(MatrixRequest request, OpenedSession session)
    {
        request.NoteUse(session.UserId, session.DeviceId);
        var server = request.Get<HomeserverConfig>().ServerName;
        return new MatrixResponse.Json(writer => SessionAnswer.Write(writer, session, server));
    }

    private static (DeviceOfLogin? Device, MatrixError? Error) ReadDevice(JsonElement body)
    {
        var fields = new BodyFields(body);
        var device = new DeviceOfLogin(
            fields.RequiredString("type"),
            fields.OptionalString("device_id") is { Length: > 0 } deviceId ? deviceId : null,
            fields.OptionalString("initial_device_display_name"),
            fields.Bool("refresh_token", otherwise: false));
        return (device, fields.Error);
    }

    private static (string Text, MatrixError? Error) ReadText(JsonElement body, string name)
    {
        var fields = new BodyFields(body);
        return (fields.RequiredString(name), fields.Error);
    }

    private sealed record DeviceOfLogin(string Type, string? DeviceId, string? DeviceName, bool IsRefreshable);
}
