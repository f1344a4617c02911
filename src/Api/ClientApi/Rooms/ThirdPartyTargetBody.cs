using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Whom to invite by a third-party identifier. Spec: v1.19 client-server-api
/// #third-party-invites.</summary>
internal static class ThirdPartyTargetBody
{
    /// <summary>Errors: M_MISSING_PARAM, M_BAD_JSON; M_INVALID_PARAM for an id_server that is no host and port.
    /// </summary>
    public static (ThirdPartyTarget? Target, MatrixError? Error) Read(JsonElement body)
    {
        var values = new string[4];
        string[] names = ["medium", "address", "id_server", "id_access_token"];
        for (var i = 0; i < names.Length; i++)
        {
            if (!body.TryGetProperty(names[i], out var value))
                return (null, MatrixError.MissingParam($"'{names[i]}' is missing."));
            if (value.ValueKind != JsonValueKind.String)
                return (null, MatrixError.BadJson($"'{names[i]}' must be a string."));
            values[i] = value.GetString()!;
        }
        return ServerName.TryParse(values[2], out var identityServer)
            ? (new ThirdPartyTarget(values[0], values[1], identityServer, values[3]), null)
            : (null, MatrixError.InvalidParam("'id_server' is no host name and port."));
    }
}
