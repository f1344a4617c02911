using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What we take from our own users as the content of <c>m.room.message</c>.</summary>
/// <remarks>Spec: v1.19 client-server-api #instant-messaging, server behaviour. Errors: M_BAD_JSON.</remarks>
internal static class MessageShape
{
    private static readonly MatrixError NoMessage =
        MatrixError.BadJson("An m.room.message needs 'msgtype' and 'body', both of them strings.");

    /// <summary>What is wrong with it, or null; other types are not looked at.</summary>
    public static MatrixError? FindProblem(string type, string? stateKey, JsonElement content) =>
        type == EventTypes.Message && stateKey is null
        && (content.StringOrNull("msgtype") is null || content.StringOrNull("body") is null)
            ? NoMessage
            : null;
}
