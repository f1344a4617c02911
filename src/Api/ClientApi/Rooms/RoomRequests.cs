using System.Globalization;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Small steps that the room endpoints share: reading parameters and bodies, and answering.</summary>
internal static class RoomRequests
{
    /// <summary>The room of the path; an id that is none is a room that nobody knows.</summary>
    public static bool TryGetRoom(this MatrixRequest request, out RoomId roomId, out MatrixError error)
    {
        error = MatrixError.InvalidParam("This is no room id.");
        return RoomId.TryParse(request.Path("roomId"), out roomId);
    }

    /// <summary>The servers that the client says know the room: <c>via</c>, and <c>server_name</c> of older
    /// clients.</summary>
    public static IReadOnlyList<ServerName> GetVia(this MatrixRequest request)
    {
        var servers = new List<ServerName>();
        foreach (var name in (IEnumerable<string>)["via", "server_name"])
        {
            foreach (var text in request.Http.Request.Query[name])
            {
                if (ServerName.TryParse(text, out var server) && !servers.Contains(server) && servers.Count < ViaMax)
                    servers.Add(server);
            }
        }
        return servers;
    }

    /// <summary>LIMIT: servers that a client may name. Ours: each one may be asked.</summary>
    private const int ViaMax = 20;

    /// <summary>What makes this request the same one again. Spec: client-server-api #transaction-identifiers.</summary>
    public static bool TryGetTransaction(
        this MatrixRequest request, string scope, out TransactionKey key, out MatrixError error)
    {
        var transactionId = request.Path("txnId");
        error = MatrixError.InvalidParam($"A transaction id has 1 to {Limits.IdentifierBytesMax} bytes.");
        key = new TransactionKey(request.Requester.UserId, request.Requester.DeviceId, scope, transactionId);
        return transactionId.Length > 0
            && Encoding.UTF8.GetByteCount(transactionId) <= Limits.IdentifierBytesMax
            && !transactionId.Contains('\0', StringComparison.Ordinal);
    }

    /// <summary>When the event shall have happened: <c>ts</c>, which only application services may say.</summary>
    /// <remarks>Spec: v1.19 application-service-api #timestamp-massaging. Errors: M_INVALID_PARAM.</remarks>
    public static MatrixError? TryGetTimestamp(this MatrixRequest request, out long? originServerTs)
    {
        originServerTs = null;
        if (request.Requester.AppserviceId is null || request.Query("ts") is not { } text)
            return null;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
            || ms > Limits.CanonicalIntegerMax)
        {
            return MatrixError.InvalidParam($"ts must be a time in milliseconds, 0 to {Limits.CanonicalIntegerMax}.");
        }
        originServerTs = ms;
        return null;
    }

    /// <summary>Sends a command on its way; a client that goes away does not stop it.</summary>
    public static Task<CommandResult<T>> SendAsync<T>(this MatrixRequest request, ICommand<T> command) =>
        request.Get<IMediator>().Send(command, CancellationToken.None);

    public static MatrixResponse ToResponse<T>(
        this CommandResult<T> result, Func<T, MatrixResponse> respond) => result switch
    {
        CommandResult<T>.Done done => respond(done.Value),
        CommandResult<T>.Refused refused => refused.Error,
        _ => throw new InvariantException("a command's result is Done or Refused"),
    };

    /// <summary><c>{}</c>, or the refusal.</summary>
    public static MatrixResponse ToEmpty(this CommandResult<Unit> result) =>
        result.ToResponse(static _ => MatrixResponse.Empty);

    public static MatrixResponse ToEventId(this CommandResult<EventId> result) => result.ToResponse(static eventId =>
        (MatrixResponse)new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("event_id"u8, eventId.Value);
            json.WriteEndObject();
        }));

    public static MatrixResponse ToRoomId(this CommandResult<RoomId> result) => result.ToResponse(static roomId =>
        (MatrixResponse)new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("room_id"u8, roomId.Value);
            json.WriteEndObject();
        }));

    /// <summary>A body's optional string; M_BAD_JSON where it is something else. Null counts as not given.</summary>
    public static MatrixError? TryGetString(this JsonElement body, string name, out string? value)
    {
        value = null;
        if (!body.TryGetProperty(name, out var member) || member.ValueKind == JsonValueKind.Null)
            return null;
        if (member.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson($"'{name}' must be a string.");
        value = member.GetString();
        return null;
    }
}
