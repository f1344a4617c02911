using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer.KeyBackup;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Projections.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.KeyBackup;

/// <summary>The keys of a backup: of all rooms, of one, or of one session.</summary>
internal static class BackupKeys
{
    private const string AllPath = "/_matrix/client/v3/room_keys/keys";
    private const string RoomPath = AllPath + "/{roomId}";
    private const string SessionPath = RoomPath + "/{sessionId}";

    private static readonly MatrixError UnknownKey = MatrixError.NotFound("No room keys found.");

    /// <summary>Three methods at three depths.</summary>
    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec("GET", AllPath, "get_matrixclientv3room_keyskeys"), GetAllAsync),
        (Spec("GET", RoomPath, "get_matrixclientv3room_keyskeysroomid"), GetRoomAsync),
        (Spec("GET", SessionPath, "get_matrixclientv3room_keyskeysroomidsessionid"), GetSessionAsync),
        (Spec("PUT", AllPath, "put_matrixclientv3room_keyskeys"),
            static request => PutAsync(request, BackupKeyBodies.ReadRooms)),
        (Spec("PUT", RoomPath, "put_matrixclientv3room_keyskeysroomid"),
            static request => PutAsync(
                request, (body, keys) => BackupKeyBodies.ReadRoom(body, request.Path("roomId"), keys))),
        (Spec("PUT", SessionPath, "put_matrixclientv3room_keyskeysroomidsessionid"),
            static request => PutAsync(
                request,
                (body, keys) => BackupKeyBodies.ReadKey(
                    body, request.Path("roomId"), request.Path("sessionId"), keys))),
        (Spec("DELETE", AllPath, "delete_matrixclientv3room_keyskeys"),
            static request => DeleteAsync(request, null, null)),
        (Spec("DELETE", RoomPath, "delete_matrixclientv3room_keyskeysroomid"),
            static request => DeleteAsync(request, request.Path("roomId"), null)),
        (Spec("DELETE", SessionPath, "delete_matrixclientv3room_keyskeysroomidsessionid"),
            static request => DeleteAsync(request, request.Path("roomId"), request.Path("sessionId"))),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string method, string path, string heading) => new(
        method,
        path,
        AuthKind.AccessToken,
        method == "GET" ? RateClass.Read : RateClass.Message,
        "client-server-api#" + heading)
    {
        BodyBytesMax = KeyBackupLimits.UploadBytesMax,
    };

    private static async ValueTask<MatrixResponse> PutAsync(
        MatrixRequest request, Func<JsonElement, List<BackedUpKey>, MatrixError?> read)
    {
        if (request.TryGetVersion(out var version) is { } missing)
            return missing;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        var keys = new List<BackedUpKey>();
        if (read(body, keys) is { } problem)
            return problem;
        return await request.SendBackupAsync(
            new StoreBackupKeys(request.CommandContext(), request.Requester.UserId, version, keys), Answer);
    }

    private static async ValueTask<MatrixResponse> DeleteAsync(
        MatrixRequest request, string? roomId, string? sessionId)
    {
        if (request.TryGetVersion(out var version) is { } missing)
            return missing;
        return await request.SendBackupAsync(
            new DeleteBackupKeys(request.CommandContext(), request.Requester.UserId, version, roomId, sessionId),
            Answer);
    }

    private static MatrixResponse Answer(BackupContents contents) => new MatrixResponse.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("count"u8, contents.Count);
        writer.WriteString("etag"u8, contents.Etag);
        writer.WriteEndObject();
    });

    private static async ValueTask<MatrixResponse> GetAllAsync(MatrixRequest request)
    {
        var (queries, version, error) = await FindAsync(request);
        if (error is not null)
            return error;
        var found = queries!.KeysAsync(request.Requester.UserId, version, null, null, request.ClientGone);
        // A backup may hold tens of thousands of keys.
        return new MatrixResponse.JsonParts(async parts =>
        {
            string? room = null;
            parts.Json.WriteStartObject();
            parts.Json.WriteStartObject("rooms"u8);
            await foreach (var key in found)
            {
                if (key.RoomId != room)
                {
                    if (room is not null)
                        EndRoom(parts.Json);
                    room = key.RoomId;
                    parts.Json.WriteStartObject(room);
                    parts.Json.WriteStartObject("sessions"u8);
                }
                await WriteSessionAsync(parts, key);
            }
            if (room is not null)
                EndRoom(parts.Json);
            parts.Json.WriteEndObject();
            parts.Json.WriteEndObject();
            await parts.SendAsync();
        });
    }

    private static async ValueTask<MatrixResponse> GetRoomAsync(MatrixRequest request)
    {
        var (queries, version, error) = await FindAsync(request);
        if (error is not null)
            return error;
        var found = queries!.KeysAsync(
            request.Requester.UserId, version, request.Path("roomId"), null, request.ClientGone);
        return new MatrixResponse.JsonParts(async parts =>
        {
            parts.Json.WriteStartObject();
            parts.Json.WriteStartObject("sessions"u8);
            await foreach (var key in found)
                await WriteSessionAsync(parts, key);
            parts.Json.WriteEndObject();
            parts.Json.WriteEndObject();
            await parts.SendAsync();
        });
    }

    private static async ValueTask<MatrixResponse> GetSessionAsync(MatrixRequest request)
    {
        var (queries, version, error) = await FindAsync(request);
        if (error is not null)
            return error;
        var found = queries!.KeysAsync(
            request.Requester.UserId, version, request.Path("roomId"), request.Path("sessionId"), request.ClientGone);
        await foreach (var key in found)
            return new MatrixResponse.Json(writer => Write(writer, key));
        return UnknownKey;
    }

    /// <summary>The backup that is asked for, which must be there.</summary>
    private static async ValueTask<(KeyBackupQueries? Queries, long Version, MatrixError? Error)> FindAsync(
        MatrixRequest request)
    {
        if (request.TryGetVersion(out var version) is { } missing)
            return (null, 0, missing);
        var queries = await request.ReadBackupsAsync();
        return await queries.FindAsync(request.Requester.UserId, version, request.ClientGone) is null
            ? (null, 0, KeyBackupDecider.UnknownVersion)
            : (queries, version, null);
    }

    private static async ValueTask WriteSessionAsync(JsonPartWriter parts, StoredBackupKey key)
    {
        parts.Json.WritePropertyName(key.SessionId);
        Write(parts.Json, key);
        if (parts.Json.BytesPending > 64 * 1_024)
            await parts.SendAsync();
    }

    private static void EndRoom(Utf8JsonWriter writer)
    {
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, StoredBackupKey key)
    {
        writer.WriteStartObject();
        writer.WriteNumber("first_message_index"u8, key.FirstMessageIndex);
        writer.WriteNumber("forwarded_count"u8, key.ForwardedCount);
        writer.WriteBoolean("is_verified"u8, key.IsVerified);
        writer.WritePropertyName("session_data"u8);
        writer.WriteRawValue(key.SessionData.Span, skipInputValidation: true);
        writer.WriteEndObject();
    }
}
