using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>The parameters of a registration. Shape: UserId null where no name was chosen.</summary>
internal sealed record RegisterBody(
    UserId? UserId, string? Password, string? DeviceId, string? DeviceName, bool InhibitLogin)
{
    public bool IsRefreshable { get; init; }

    /// <summary>Reads the parameters and makes sure that the name is free.</summary>
    public static async ValueTask<(RegisterBody Body, MatrixError? Error)> ReadAsync(
        MatrixRequest request, JsonElement parameters, string? appserviceId = null)
    {
        var (body, username, error) = Read(parameters);
        if (error is not null || username is null)
            return (body, error);
        var (userId, taken) = await request.Get<NameAvailability>().CheckAsync(
            username, request.Get<HomeserverConfig>().ServerName, request.ClientGone, appserviceId);
        return (body with { UserId = userId }, taken);
    }

    private static (RegisterBody Body, string? Username, MatrixError? Error) Read(JsonElement parameters)
    {
        var fields = new BodyFields(parameters);
        var username = fields.OptionalString("username");
        var body = new RegisterBody(
            null,
            fields.OptionalString("password"),
            fields.OptionalString("device_id") is { Length: > 0 } deviceId ? deviceId : null,
            fields.OptionalString("initial_device_display_name"),
            fields.Bool("inhibit_login", otherwise: false))
        {
            IsRefreshable = fields.Bool("refresh_token", otherwise: false),
        };
        return (body, username, fields.Error);
    }
}
