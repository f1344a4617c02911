using System.Globalization;
using System.Runtime.InteropServices;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.PublicRooms;

/// <summary>The public directory of another server, for our users.</summary>
/// <remarks>Spec: v1.19 server-server-api #get_matrixfederationv1publicrooms. What the other server answers is passed
/// on as it is.</remarks>
internal static class RemoteDirectory
{
    public static async ValueTask<MatrixResponse> ListAsync(
        MatrixRequest request, string serverText, MatrixHandler ofOurs)
    {
        if (!ServerName.TryParse(serverText, out var server))
            return MatrixError.InvalidParam("server must be the name of a server.");
        if (server == request.Get<ServerIdentity>().Name)
            return await ofOurs(request);
        int? limit = null;
        if (request.Query("limit") is { Length: > 0 } text)
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
                return MatrixError.InvalidParam("limit must be a whole number.");
            limit = value;
        }
        return Pass(await request.Get<FederationClient>().PublicRoomsAsync(
            server, limit, request.Query("since"), false, null, request.ClientGone));
    }

    public static async ValueTask<MatrixResponse> SearchAsync(
        MatrixRequest request, string serverText, MatrixHandler ofOurs)
    {
        if (!ServerName.TryParse(serverText, out var server))
            return MatrixError.InvalidParam("server must be the name of a server.");
        if (server == request.Get<ServerIdentity>().Name)
            return await ofOurs(request);
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        if (!CanonicalJson.TryCanonicalise(JsonMarshal.GetRawUtf8Value(body), out var content, out _))
            return MatrixError.BadJson("The body has no canonical form.");
        return Pass(await request.Get<FederationClient>().PublicRoomsAsync(server, content, request.ClientGone));
    }

    private static MatrixResponse Pass(FederationResult<RemoteObject> result) =>
        result.ValueOrDefault is { } found
            ? new MatrixResponse.RawJson(JsonMarshal.GetRawUtf8Value(found.Json).ToArray())
            : RemoteErrors.Of(result);
}
