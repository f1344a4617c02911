using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.OAuth;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>A device without a browser gets a code for its user to type.</summary>
/// <remarks>Spec: v1.19 client-server-api #device-authorisation-flow.</remarks>
internal static class DeviceAuthorizationEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST", OAuthPaths.DeviceAuthorization, AuthKind.None, RateClass.Login, "none#oauth-device-authorization")
    {
        BodyBytesMax = OAuthForms.BytesMax,
    };

    public static void Map(EndpointTable table) =>
        table.Add(Spec, OAuthPaths.WhenOn(OAuthForms.NotStored(HandleAsync)));

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (form, error) = await request.ReadFormAsync();
        if (error is not null)
            return OAuthForms.Refuse(error);
        if (form.Find("client_id") is not { } clientId)
            return OAuthForms.Refuse(OAuthErrors.InvalidRequest("client_id is missing."));
        if (await request.Get<OAuthClients>().FindAsync(clientId, request.ClientGone) is not { } client)
            return OAuthForms.Refuse(OAuthErrors.InvalidClient);
        if (!client.GrantTypes.Contains(ClientMetadata.DeviceCode))
            return OAuthForms.Refuse(OAuthErrors.UnauthorizedClient);
        if (OAuthScope.TryRead(form.Find("scope"), out var scope) is { } problem)
            return OAuthForms.Refuse(problem);
        (var waiting, error) = await request.ExecuteAsync(
            new RequestDeviceGrant(request.CommandContext(), clientId, scope));
        if (waiting is null)
            return OAuthForms.Refuse(error!);
        var page = OAuthPaths.Absolute(request, OAuthPaths.Device);
        var userCode = DeviceCodes.Shown(waiting.UserCode);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("device_code"u8, waiting.DeviceCode);
            writer.WriteString("user_code"u8, userCode);
            writer.WriteString("verification_uri"u8, page);
            writer.WriteString("verification_uri_complete"u8, $"{page}?user_code={userCode}");
            writer.WriteNumber("expires_in"u8, (long)DeviceCodes.Lifetime.TotalSeconds);
            writer.WriteNumber("interval"u8, (long)DeviceCodes.Interval.TotalSeconds);
            writer.WriteEndObject();
        });
    }
}
