using System.Globalization;
using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>GET /rooms/{roomId}/hierarchy: the rooms of a space, page by page.</summary>
internal static class HierarchyEndpoint
{
    /// <summary>LIMIT: rooms of one page. Ours: as many as a client shows at once.</summary>
    private const int RoomsMax = 100;

    private const int RoomsDefault = 50;

    /// <summary>LIMIT: steps from the space downwards. Ours: deeper than anybody nests spaces.</summary>
    private const int DepthMax = 50;

    private static readonly MatrixError Hidden = MatrixError.Forbidden("You are not allowed to view this room.");

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/rooms/{roomId}/hierarchy",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv1roomsroomidhierarchy")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!RoomId.TryParse(request.Path("roomId"), out var roomId))
            return MatrixError.InvalidParam("The path holds no room id.");
        if (!ReadingParameters.TryReadFlag(request, "suggested_only", out var suggestedOnly, out var error))
            return error!;
        if (!TryReadNumber(request, "limit", out var limit) || limit == 0)
            return MatrixError.InvalidParam("limit must be a whole number greater than zero.");
        if (!TryReadNumber(request, "max_depth", out var depth))
            return MatrixError.InvalidParam("max_depth must be a whole number, zero or more.");
        var question = new HierarchyToken(0, (int)Math.Min(depth ?? DepthMax, DepthMax), suggestedOnly == true);
        if (request.Query("from") is { Length: > 0 } text)
        {
            if (!HierarchyToken.TryRead(text, out var token))
                return MatrixError.InvalidParam("from is not a token of this server.");
            if (token with { Skip = 0 } != question)
                return MatrixError.InvalidParam("suggested_only and max_depth cannot change on paginated requests.");
            question = token;
        }

        var gone = request.ClientGone;
        var rooms = request.Get<RoomDiscovery>();
        var visitor = await rooms.OpenAsync(request.Requester, gone);
        var found = await rooms.FindAsync(
            new Dictionary<string, IReadOnlyList<string>> { [roomId.Value] = [] }, gone);
        if (!found.TryGetValue(roomId.Value, out var root) || !visitor.MaySee(root))
            return Hidden;

        var size = (int)Math.Min(limit ?? RoomsDefault, RoomsMax);
        var walk = new SpaceWalk(rooms, visitor, question.IsSuggestedOnly, question.Depth);
        var page = await walk.TakeAsync(root, question.Skip, size, gone);
        var hasMore = page.Count > size;
        if (hasMore)
            page.RemoveAt(size);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("rooms"u8);
            foreach (var card in page)
            {
                writer.WriteStartObject();
                RoomCardWriter.WriteMembers(writer, card);
                RoomCardWriter.WriteChildren(writer, walk.ChildrenOf(card));
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            if (hasMore)
                writer.WriteString("next_batch"u8, (question with { Skip = question.Skip + size }).Write());
            writer.WriteEndObject();
        });
    }

    private static bool TryReadNumber(MatrixRequest request, string name, out long? number)
    {
        number = null;
        if (request.Query(name) is not { Length: > 0 } text)
            return true;
        var isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var read);
        number = read;
        return isNumber;
    }
}

/// <summary>Where a hierarchy goes on: how many rooms were shown, of which walk.</summary>
/// <remarks>Shape: <c>h{rooms}_{depth}_{0 or 1}</c>.</remarks>
internal readonly record struct HierarchyToken(int Skip, int Depth, bool IsSuggestedOnly)
{
    public string Write() =>
        string.Create(CultureInfo.InvariantCulture, $"h{Skip}_{Depth}_{(IsSuggestedOnly ? 1 : 0)}");

    public static bool TryRead(string text, out HierarchyToken token)
    {
        token = default;
        var parts = text.Split('_');
        if (parts.Length != 3
            || !parts[0].StartsWith('h')
            || !int.TryParse(parts[0].AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var skip)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var depth)
            || parts[2] is not ("0" or "1"))
        {
            return false;
        }
        token = new(skip, depth, parts[2] == "1");
        return true;
    }
}
