using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Projections.PublicRooms;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.PublicRooms;

/// <summary>GET and POST /publicRooms: the public directory of this server, page by page.</summary>
internal static class PublicRoomsEndpoint
{
    /// <summary>LIMIT: rooms of one page. Ours: as many as a client shows before it asks on.</summary>
    private const int PageMax = 500;

    private const int PageDefault = 100;

    public static readonly EndpointSpec Get = new(
        "GET",
        "/_matrix/client/v3/publicRooms",
        AuthKind.None,
        RateClass.Read,
        "client-server-api#get_matrixclientv3publicrooms");

    public static readonly EndpointSpec Post = new(
        "POST",
        "/_matrix/client/v3/publicRooms",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#post_matrixclientv3publicrooms")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Get, static request => request.Query("server") is { Length: > 0 } server
            ? RemoteDirectory.ListAsync(request, server, ListAsync)
            : ListAsync(request));
        table.Add(Post, static request => request.Query("server") is { Length: > 0 } server
            ? RemoteDirectory.SearchAsync(request, server, SearchAsync)
            : SearchAsync(request));
    }

    /// <summary>Our own directory, without a filter.</summary>
    internal static ValueTask<MatrixResponse> ListAsync(MatrixRequest request)
    {
        // Between servers these stand in the query.
        var networks = new WantedNetworks(
            request.Query("include_all_networks") == "true", request.Query("third_party_instance_id"));
        return AnswerAsync(request, default, networks, request.Query("limit"), request.Query("since"));
    }

    /// <summary>Our own directory, as the body asks.</summary>
    internal static async ValueTask<MatrixResponse> SearchAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        string? limit = null;
        string? since;
        if (IsGiven(body, "limit"u8, out var limitValue))
        {
            if (limitValue.ValueKind != JsonValueKind.Number)
                return MatrixError.BadJson("limit must be a number.");
            limit = limitValue.GetRawText();
        }
        if (body.TryGetString("since", out since) is { } badToken)
            return badToken;
        if (IsGiven(body, "filter"u8, out var filter) && filter.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("filter must be an object.");
        if (body.TryGetString("third_party_instance_id", out var instance) is { } bad)
            return bad;
        var all = false;
        if (IsGiven(body, "include_all_networks"u8, out var allValue))
        {
            if (allValue.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                return MatrixError.BadJson("include_all_networks must be true or false.");
            all = allValue.GetBoolean();
        }
        return await AnswerAsync(request, filter, new WantedNetworks(all, instance), limit, since);
    }

    /// <summary>Null counts as not given.</summary>
    private static bool IsGiven(JsonElement body, ReadOnlySpan<byte> name, out JsonElement value) =>
        body.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    private static async ValueTask<MatrixResponse> AnswerAsync(
        MatrixRequest request, JsonElement filter, WantedNetworks networks, string? limitText, string? since)
    {
        if (networks is { IsAll: true, InstanceId.Length: > 0 })
            return MatrixError.InvalidParam("third_party_instance_id does not go with include_all_networks.");
        var limit = (long)PageDefault;
        if (limitText is { Length: > 0 } && !long.TryParse(
            limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit))
            return MatrixError.InvalidParam("limit must be a whole number.");
        // Spec: server-server-api #get_matrixfederationv1publicrooms: no limit. A page of none would have no end.
        if (limit == 0)
            limit = PageMax;
        var first = 0;
        if (since is { Length: > 0 } && !(
            since[0] == 'p' && int.TryParse(
                since.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out first)))
            return MatrixError.InvalidParam("since is not a token of this directory.");

        var all = await FindAsync(request, networks);
        var found = new List<PublicRoom>(all.Count);
        foreach (var room in all)
        {
            if (Passes(room, filter))
                found.Add(room);
        }
        first = Math.Min(first, found.Count);
        var page = found.GetRange(first, (int)Math.Min(Math.Min(limit, PageMax), found.Count - first));
        return new MatrixResponse.Json(writer => WritePage(writer, page, first, found.Count, limit));
    }

    /// <summary>This server's directory, that of one network, or all of them.</summary>
    /// <remarks>Spec: v1.19 application-service-api #published-room-directories.</remarks>
    private static async ValueTask<IReadOnlyList<PublicRoom>> FindAsync(MatrixRequest request, WantedNetworks networks)
    {
        var rooms = request.Get<PublicRoomQueries>();
        if (networks is { IsAll: false, InstanceId: null or "" })
            return await rooms.AllAsync(request.ClientGone);
        if (request.Get<AppserviceSet>().IsEmpty)
            return networks.IsAll ? await rooms.AllAsync(request.ClientGone) : [];
        var listings = request.Get<AppserviceQueries>();
        if (networks.IsAll)
        {
            return await rooms.AllAsync(
                await listings.ListingsAsync(null, null, request.ClientGone), withOwn: true, request.ClientGone);
        }
        if (!NetworkInstanceId.TryParse(networks.InstanceId!, out var service, out var network))
            return [];
        return await rooms.AllAsync(
            await listings.ListingsAsync(service, network, request.ClientGone), withOwn: false, request.ClientGone);
    }

    private static bool Passes(PublicRoom room, JsonElement filter)
    {
        if (filter.ValueKind != JsonValueKind.Object)
            return true;
        if (filter.TryGetProperty("generic_search_term"u8, out var term) && term.ValueKind == JsonValueKind.String)
        {
            var text = term.GetString()!;
            var isHit = Contains(room.Name, text) || Contains(room.Topic, text) || Contains(room.CanonicalAlias, text);
            if (!isHit)
                return false;
        }
        if (!filter.TryGetProperty("room_types"u8, out var types) || types.ValueKind != JsonValueKind.Array)
            return true;
        foreach (var type in types.EnumerateArray())
        {
            var isSame = type.ValueKind == JsonValueKind.Null
                ? room.RoomType is null
                : type.ValueKind == JsonValueKind.String && type.ValueEquals(room.RoomType);
            if (isSame)
                return true;
        }
        return false;
    }

    private static bool Contains(string? text, string term) =>
        text?.Contains(term, StringComparison.OrdinalIgnoreCase) == true;

    private static void WritePage(Utf8JsonWriter writer, List<PublicRoom> page, int first, int total, long limit)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("chunk"u8);
        foreach (var room in page)
            WriteRoom(writer, room);
        writer.WriteEndArray();
        var next = first + page.Count;
        if (next < total)
            writer.WriteString("next_batch"u8, string.Create(CultureInfo.InvariantCulture, $"p{next}"));
        if (first > 0)
            writer.WriteString(
                "prev_batch"u8, string.Create(CultureInfo.InvariantCulture, $"p{Math.Max(0, first - limit)}"));
        writer.WriteNumber("total_room_count_estimate"u8, total);
        writer.WriteEndObject();
    }

    private static void WriteRoom(Utf8JsonWriter writer, PublicRoom room)
    {
        writer.WriteStartObject();
        writer.WriteString("room_id"u8, room.RoomId);
        writer.WriteNumber("num_joined_members"u8, room.JoinedMembers);
        writer.WriteBoolean("world_readable"u8, room.IsWorldReadable);
        writer.WriteBoolean("guest_can_join"u8, room.GuestCanJoin);
        WriteText(writer, "join_rule"u8, room.JoinRule);
        WriteText(writer, "name"u8, room.Name);
        WriteText(writer, "topic"u8, room.Topic);
        WriteText(writer, "canonical_alias"u8, room.CanonicalAlias);
        WriteText(writer, "avatar_url"u8, room.AvatarUrl);
        WriteText(writer, "room_type"u8, room.RoomType);
        writer.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
            writer.WriteString(name, value);
    }

    /// <summary>Whose directories are asked for; neither for this server's own.</summary>
    private sealed record WantedNetworks(bool IsAll, string? InstanceId);
}
