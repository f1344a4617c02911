using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.OAuth;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>A client says what it is, and gets an id.</summary>
/// <remarks>Spec: v1.19 client-server-api #dynamic-client-registration-flow.</remarks>
internal static class ClientRegistration
{
    public static readonly EndpointSpec Spec = new(
        "POST", OAuthPaths.Clients, AuthKind.None, RateClass.Login, "none#oauth-client-registration")
    {
        BodyBytesMax = OAuthForms.BytesMax,
    };

    public static void Map(EndpointTable table) =>
        table.Add(Spec, OAuthPaths.WhenOn(OAuthForms.NotStored(HandleAsync)));

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error.Status == 413 ? error : OAuthForms.Refuse(OAuthErrors.InvalidClientMetadata(error.Message));
        if (ClientMetadataReader.TryRead(body, out var metadata) is { } problem)
            return OAuthForms.Refuse(problem);
        (var clientId, error) = await request.ExecuteAsync(
            new RegisterOAuthClient(request.CommandContext(), metadata));
        if (error is not null)
            return OAuthForms.Refuse(error);
        return new MatrixResponse.Json(
            writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("client_id"u8, clientId);
                metadata.WriteMembers(writer);
                writer.WriteEndObject();
            },
            201);
    }
}
