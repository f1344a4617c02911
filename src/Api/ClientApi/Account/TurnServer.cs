using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Credentials for the configured TURN servers, good for a while.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #get_matrixclientv3voipturnserver. The credentials are those of TURN's shared-secret
/// scheme: the user name holds the time of expiry, the password is its HMAC-SHA1.
/// Errors: M_NOT_FOUND where no server is configured.
/// </remarks>
internal static class TurnServer
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/voip/turnServer",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3voipturnserver");

    public static void Map(EndpointTable table) =>
        table.Add(Spec, static request => ValueTask.FromResult(Answer(request)));

    private static MatrixResponse Answer(MatrixRequest request)
    {
        var voip = request.Get<HomeserverConfig>().Voip;
        if (voip.TurnUris.Count == 0 || voip.TurnSecret is null)
            return MatrixError.NotFound("This server knows no TURN server.");
        var expiry = request.ReceivedAtMs / 1000 + (long)voip.TurnLifetime.TotalSeconds;
        var username = string.Create(CultureInfo.InvariantCulture, $"{expiry}:{request.Requester.UserId.Value}");
#pragma warning disable CA5350 // TURN servers expect HMAC-SHA1.
        var mac = HMACSHA1.HashData(Encoding.UTF8.GetBytes(voip.TurnSecret), Encoding.UTF8.GetBytes(username));
#pragma warning restore CA5350
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("username"u8, username);
            writer.WriteString("password"u8, Convert.ToBase64String(mac));
            writer.WriteStartArray("uris"u8);
            foreach (var uri in voip.TurnUris)
                writer.WriteStringValue(uri);
            writer.WriteEndArray();
            writer.WriteNumber("ttl"u8, (long)voip.TurnLifetime.TotalSeconds);
            writer.WriteEndObject();
        });
    }
}
