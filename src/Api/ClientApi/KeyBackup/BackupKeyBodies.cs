using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.KeyBackup;

/// <summary>Reads uploaded keys: a session's, a room's, or those of many rooms.</summary>
/// <remarks>Errors: M_MISSING_PARAM for a member that is not there, M_BAD_JSON for one of another type.</remarks>
internal static class BackupKeyBodies
{
    /// <summary><c>{"rooms": {roomId: {"sessions": {sessionId: key}}}}</c>.</summary>
    public static MatrixError? ReadRooms(JsonElement body, List<BackedUpKey> keys)
    {
        if (ReadObject(body, "rooms", out var rooms) is { } error)
            return error;
        foreach (var room in rooms.EnumerateObject())
        {
            if (room.Value.ValueKind != JsonValueKind.Object)
                return MatrixError.BadJson("rooms must hold an object for each room.");
            if (ReadRoom(room.Value, room.Name, keys) is { } problem)
                return problem;
        }
        return null;
    }

    /// <summary><c>{"sessions": {sessionId: key}}</c>.</summary>
    public static MatrixError? ReadRoom(JsonElement body, string roomId, List<BackedUpKey> keys)
    {
        if (ReadObject(body, "sessions", out var sessions) is { } error)
            return error;
        foreach (var session in sessions.EnumerateObject())
        {
            if (session.Value.ValueKind != JsonValueKind.Object)
                return MatrixError.BadJson("sessions must hold an object for each session.");
            if (ReadKey(session.Value, roomId, session.Name, keys) is { } problem)
                return problem;
        }
        return null;
    }

    /// <summary>One key.</summary>
    public static MatrixError? ReadKey(JsonElement body, string roomId, string sessionId, List<BackedUpKey> keys)
    {
        if (!body.TryGetProperty("is_verified"u8, out _))
            return MatrixError.MissingParam("is_verified is missing.");
        var fields = new BodyFields(body);
        var isVerified = fields.Bool("is_verified", otherwise: false);
        if (fields.Error is { } error)
            return error;
        if ((ReadInteger(body, "first_message_index", out var firstMessageIndex)
            ?? ReadInteger(body, "forwarded_count", out _)) is { } wrong)
        {
            return wrong;
        }
        ReadInteger(body, "forwarded_count", out var forwardedCount);
        var (sessionData, problem) = BackupRequests.ReadOpaque(body, "session_data");
        if (problem is not null)
            return problem;
        keys.Add(new BackedUpKey(roomId, sessionId, isVerified, firstMessageIndex, forwardedCount, sessionData));
        return null;
    }

    private static MatrixError? ReadObject(JsonElement body, string name, out JsonElement value)
    {
        if (!body.TryGetProperty(name, out value))
            return MatrixError.MissingParam($"{name} is missing.");
        return value.ValueKind == JsonValueKind.Object ? null : MatrixError.BadJson($"{name} must be an object.");
    }

    private static MatrixError? ReadInteger(JsonElement body, string name, out long value)
    {
        value = 0;
        if (!body.TryGetProperty(name, out var element))
            return MatrixError.MissingParam($"{name} is missing.");
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out value)
            ? null
            : MatrixError.BadJson($"{name} must be an integer.");
    }
}
