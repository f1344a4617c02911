using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>The body that the membership endpoints share: whom, and why.</summary>
internal static class MembershipBody
{
    /// <summary>An optional reason; anything else in the body is left alone.</summary>
    public static async ValueTask<(string? Reason, MatrixError? Error)> ReadReasonAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return (null, error);
        error = body.TryGetString("reason", out var reason);
        return (reason, error);
    }

    public static async ValueTask<(UserId UserId, string? Reason, MatrixError? Error)> ReadTargetAsync(
        MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        return error is null ? ReadTarget(body) : (default, null, error);
    }

    public static (UserId UserId, string? Reason, MatrixError? Error) ReadTarget(JsonElement body)
    {
        if (body.TryGetString("reason", out var reason) is { } badReason)
            return (default, null, badReason);
        if (body.TryGetString("user_id", out var text) is { } badUser)
            return (default, null, badUser);
        if (text is null)
            return (default, null, MatrixError.MissingParam("'user_id' is missing."));
        return UserId.TryParse(text, out var userId)
            ? (userId, reason, null)
            : (default, null, MatrixError.InvalidParam("'user_id' is no user id."));
    }
}
