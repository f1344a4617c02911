using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.InteractiveAuth;

/// <summary>Reads whom a login or a password stage is about.</summary>
/// <remarks>Spec: v1.19 client-server-api #identifier-types; the older <c>user</c> beside it.</remarks>
public static class UserIdentifier
{
    /// <remarks>
    /// Errors: M_MISSING_PARAM, M_BAD_JSON; M_UNKNOWN for a type of identifier that nobody knows; M_FORBIDDEN for
    /// third-party ids (none is bound
    /// here) and for users of other servers.
    /// </remarks>
    public static MatrixError? Read(JsonElement holder, ServerName server, out UserId userId)
    {
        userId = default;
        JsonElement user;
        if (holder.TryGetProperty("identifier", out var identifier))
        {
            if (identifier.ValueKind != JsonValueKind.Object)
                return MatrixError.BadJson("identifier must be an object.");
            if (!identifier.TryGetProperty("type", out var type))
                return MatrixError.MissingParam("identifier.type is missing.");
            if (type.ValueKind != JsonValueKind.String)
                return MatrixError.BadJson("identifier.type must be a string.");
            switch (type.GetString())
            {
                case "m.id.user":
                    break;
                case "m.id.thirdparty" or "m.id.phone":
                    return MatrixError.Forbidden("This third-party identifier is not known here.");
                default:
                    return new MatrixError(400, ErrCodes.Unknown, "Unknown type of identifier.");
            }
            if (!identifier.TryGetProperty("user", out user))
                return MatrixError.MissingParam("identifier.user is missing.");
        }
        else if (!holder.TryGetProperty("user", out user))
        {
            return MatrixError.MissingParam("identifier is missing.");
        }
        if (user.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson("user must be a string.");
        return Usernames.TryExisting(user.GetString()!, server, out userId)
            ? null
            : MatrixError.Forbidden("Invalid user name or password.");
    }
}
