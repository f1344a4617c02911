using System.Text;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>GET /mutual_rooms: the rooms that the caller shares with another user.</summary>
/// <remarks>Spec: v1.19 client-server-api #mutual-rooms. Tokens do not expire: they say the last room of a
/// page.</remarks>
internal static class MutualRoomsEndpoint
{
    /// <summary>LIMIT: rooms of one page. Ours.</summary>
    private const int RoomsMax = 100;

    private static readonly string[] Gate = [RoomserverProjection.ProjectionName];

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/mutual_rooms",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv1mutual_rooms");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Query("user_id") is not { Length: > 0 } text)
            return MatrixError.MissingParam("user_id is needed.");
        if (!UserId.TryParse(text, out var other))
            return MatrixError.InvalidParam("user_id is no user id.");
        var self = request.Requester.UserId;
        if (other == self)
            return MatrixError.InvalidParam("Everybody shares all rooms with themselves.");
        if (!TryReadToken(request.Query("from"), out var after))
            return MatrixError.InvalidParam("from is not a token of this server.");

        await request.Get<IProjectionGate>().WaitForHeadAsync(Gate, request.ClientGone);
        // One more than is shown says that there is more.
        var shared = await request.Get<RoomQuestions>().FindSharedAsync(
            self.Value, other.Value, after, RoomsMax + 1, request.ClientGone);
        var shown = shared.RoomIds.Take(RoomsMax).ToList();
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("joined"u8);
            foreach (var roomId in shown)
                writer.WriteStringValue(roomId);
            writer.WriteEndArray();
            writer.WriteNumber("count"u8, shared.Count);
            if (shared.RoomIds.Count > RoomsMax)
                writer.WriteString("next_batch"u8, WriteToken(shown[^1]));
            writer.WriteEndObject();
        });
    }

    internal static string WriteToken(string roomId) =>
        "m" + Convert.ToHexStringLower(Encoding.UTF8.GetBytes(roomId));

    private static bool TryReadToken(string? text, out string after)
    {
        after = string.Empty;
        if (string.IsNullOrEmpty(text))
            return true;
        if (text[0] != 'm' || text.Length % 2 == 0)
            return false;
        var bytes = new byte[text.Length / 2];
        if (Convert.FromHexString(text.AsSpan(1), bytes, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;
        after = Encoding.UTF8.GetString(bytes);
        return RoomId.TryParse(after, out _);
    }
}
