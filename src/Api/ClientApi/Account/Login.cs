using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Opens a session by password.</summary>
internal static class Login
{
    private const string PasswordType = "m.login.password";

    private static readonly MatrixResponse Flows =
        new MatrixResponse.RawJson("{\"flows\":[{\"type\":\"m.login.password\"}]}"u8.ToArray());

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
        table.Add(GetSpec, static _ => ValueTask.FromResult(Flows));
        table.Add(PostSpec, HandleAsync);
    }

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var command, error) = Read(request, body);
        if (error is not null)
            return error;
        var server = request.Get<HomeserverConfig>().ServerName;
        return await request.SendAsync(
            command!, session => new MatrixResponse.Json(writer => SessionAnswer.Write(writer, session, server)));
    }

    private static (LogIn? Command, MatrixError? Error) Read(MatrixRequest request, JsonElement body)
    {
        var fields = new BodyFields(body);
        var type = fields.RequiredString("type");
        if (fields.Error is null && type != PasswordType)
            return (null, new MatrixError(400, ErrCodes.Unknown, "Unknown login type."));
        if (fields.Error is not null)
            return (null, fields.Error);
        if (UserIdentifier.Read(body, request.Get<HomeserverConfig>().ServerName, out var userId) is { } problem)
            return (null, problem);
        var command = new LogIn(
            request.CommandContext(new FactActor(User: userId.Value)),
            userId,
            fields.RequiredString("password"),
            fields.OptionalString("device_id") is { Length: > 0 } deviceId ? deviceId : null,
            fields.OptionalString("initial_device_display_name"));
        return (command, fields.Error);
    }
}
