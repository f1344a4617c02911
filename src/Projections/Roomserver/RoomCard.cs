using System.Text.Json;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>A room as somebody sees it who is not in it: what hierarchies and summaries show.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #get_matrixclientv1roomsroomidhierarchy, #get_matrixclientv1room_summaryroomidoralias.
/// Shape: Children are empty for a room that is no space, and where they were not asked for.
/// </remarks>
public sealed record RoomCard(string RoomId, long JoinedMembers)
{
    public string? RoomVersion { get; init; }
    public string? Name { get; init; }
    public string? Topic { get; init; }
    public string? CanonicalAlias { get; init; }
    public string? AvatarUrl { get; init; }

    /// <summary>Invite where the room has no join rules: so the rules of authorisation take it.</summary>
    public string JoinRule { get; init; } = "invite";
    public IReadOnlyList<string> AllowedRoomIds { get; init; } = [];
    public string? RoomType { get; init; }
    public string? Encryption { get; init; }
    public bool IsWorldReadable { get; init; }
    public bool GuestCanJoin { get; init; }
    public IReadOnlyList<SpaceChild> Children { get; init; } = [];

    public bool IsSpace => RoomType == "m.space";
}

/// <summary>A valid <c>m.space.child</c> event: its state key is a room id, and it names servers.</summary>
/// <remarks>Spec: v1.19 client-server-api #mspacechild-relationship. Order is null where the event says none that is
/// valid.</remarks>
public sealed record SpaceChild(
    string RoomId,
    string Sender,
    long OriginServerTs,
    ReadOnlyMemory<byte> ContentUtf8,
    string? Order,
    bool IsSuggested,
    IReadOnlyList<string> Via)
{
    /// <summary>LIMIT: characters of an order. Spec: client-server-api #ordering-of-children-within-a-space.</summary>
    private const int OrderLengthMax = 50;

    /// <summary>The child that an <c>m.space.child</c> event names; null where it is no valid one.</summary>
    public static SpaceChild? Find(
        string? stateKey, string sender, long originServerTs, ReadOnlyMemory<byte> contentUtf8, JsonElement content)
    {
        if (!Protocol.Identifiers.RoomId.TryParse(stateKey, out var roomId)
            || !content.TryGetProperty("via"u8, out var servers)
            || servers.ValueKind != JsonValueKind.Array)
        {
            return null;
        }
        var via = new List<string>();
        foreach (var server in servers.EnumerateArray())
        {
            if (server.ValueKind == JsonValueKind.String)
                via.Add(server.GetString()!);
        }
        return new(
            roomId.Value,
            sender,
            originServerTs,
            contentUtf8,
            OrderOf(content),
            content.TryGetProperty("suggested"u8, out var suggested) && suggested.ValueKind == JsonValueKind.True,
            via);
    }

    private static string? OrderOf(JsonElement content) =>
        content.TryGetProperty("order"u8, out var value) && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: > 0 and <= OrderLengthMax } order
        && order.All(static character => character is >= '\x20' and <= '\x7e')
            ? order
            : null;
}

/// <summary>Somebody who can describe rooms: this server's own tables, or another server.</summary>
public interface IRoomCardSource
{
    /// <summary>The cards of those of the rooms that it knows, by room id.</summary>
    /// <param name="rooms">Room ids, each with the servers that may know the room.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    ValueTask<IReadOnlyDictionary<string, RoomCard>> FindAsync(
        IReadOnlyDictionary<string, IReadOnlyList<string>> rooms, CancellationToken cancellationToken);
}
