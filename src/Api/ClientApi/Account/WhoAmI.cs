using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Whose token it is.</summary>
internal static class WhoAmI
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/account/whoami",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3accountwhoami")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, Handle);

    private static ValueTask<MatrixResponse> Handle(MatrixRequest request)
    {
        var requester = request.Requester;
        return ValueTask.FromResult<MatrixResponse>(new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("user_id"u8, requester.UserId.Value);
            if (requester.DeviceId.Length > 0)
                writer.WriteString("device_id"u8, requester.DeviceId);
            writer.WriteBoolean("is_guest"u8, requester.IsGuest);
            writer.WriteEndObject();
        }));
    }
}
