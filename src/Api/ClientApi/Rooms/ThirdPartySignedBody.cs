using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>A join's proof that its user was invited by a third-party identifier.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3joinroomidoralias (Third-party Signed).</remarks>
internal static class ThirdPartySignedBody
{
    /// <summary>Both null where there is none. Errors: M_MISSING_PARAM, M_BAD_JSON; M_INVALID_PARAM for a sender that
    /// is no user id; M_FORBIDDEN for a proof of somebody else.</summary>
    public static (SignedInvite? Invite, MatrixError? Error) Read(JsonElement body, UserId self)
    {
        if (body.ValueKind != JsonValueKind.Object
            || !body.TryGetProperty("third_party_signed"u8, out var signed)
            || signed.ValueKind == JsonValueKind.Null)
            return (null, null);
        if (signed.ValueKind != JsonValueKind.Object)
            return (null, MatrixError.BadJson("'third_party_signed' must be an object."));
        foreach (var name in (ReadOnlySpan<string>)["sender", "mxid", "token", "signatures"])
        {
            if (!signed.TryGetProperty(name, out var value))
                return (null, MatrixError.MissingParam($"'{name}' of 'third_party_signed' is missing."));
            if (value.ValueKind != (name == "signatures" ? JsonValueKind.Object : JsonValueKind.String))
                return (null, MatrixError.BadJson($"'{name}' of 'third_party_signed' is of the wrong type."));
        }
        if (!UserId.TryParse(signed.GetProperty("sender"u8).GetString(), out var sender))
            return (null, MatrixError.InvalidParam("'sender' of 'third_party_signed' is no user id."));
        return signed.GetProperty("mxid"u8).ValueEquals(self.Value)
            ? (new SignedInvite(sender, signed), null)
            : (null, MatrixError.Forbidden("The third-party invite is somebody else's."));
    }
}
