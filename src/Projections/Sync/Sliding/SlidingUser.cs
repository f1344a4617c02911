using System.Collections.Frozen;
using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>What a user's account data says of their rooms: which are direct, which tags they have.</summary>
internal sealed record SlidingUserData(
    IReadOnlySet<string> DirectRooms, IReadOnlyDictionary<string, string[]> RoomIdToTags, long AsOf)
{
    public static readonly SlidingUserData None =
        new(FrozenSet<string>.Empty, FrozenDictionary<string, string[]>.Empty, -1);

    public bool HasTag(string roomId, string[] tags) =>
        RoomIdToTags.TryGetValue(roomId, out var given) && given.Any(tag => Array.IndexOf(tags, tag) >= 0);
}

/// <summary>Reads it again when the user's account data may have changed.</summary>
/// <remarks>Cost: nothing between changes of the user's account data. What is not of the spec's shape says
/// nothing: it is the client's own.</remarks>
internal sealed class SlidingUserReader(LiveView live, IAccountDataQueries accountData, IProjectionGate gate)
{
    private static readonly string[] UserApiOnly = [UserApiProjection.ProjectionName];
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.JsonDepthMax };

    public async ValueTask<SlidingUserData> ReadAsync(
        UserFeed feed, UserId user, long position, CancellationToken cancellationToken)
    {
        if (live.LastNewsOf(feed).AccountData <= feed.SlidingData.AsOf)
            return feed.SlidingData;
        await gate.WaitForAsync(UserApiOnly, new((ulong)position), cancellationToken);
        var direct = new HashSet<string>(StringComparer.Ordinal);
        var tags = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var entry in await accountData.AllAsync(user, cancellationToken))
        {
            if (entry is { RoomId: null, Type: "m.direct" })
                AddDirect(entry.ContentUtf8, direct);
            else if (entry is { RoomId: { } room, Type: "m.tag" })
                tags[room.Value] = TagsOf(entry.ContentUtf8);
        }
        return feed.SlidingData = new SlidingUserData(direct, tags, position);
    }

    private static void AddDirect(ReadOnlyMemory<byte> utf8, HashSet<string> direct)
    {
        using var document = JsonDocument.Parse(utf8, Options);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            return;
        foreach (var user in document.RootElement.EnumerateObject())
        {
            if (user.Value.ValueKind != JsonValueKind.Array)
                continue;
            foreach (var room in user.Value.EnumerateArray())
            {
                if (room.ValueKind == JsonValueKind.String)
                    direct.Add(room.GetString()!);
            }
        }
    }

    private static string[] TagsOf(ReadOnlyMemory<byte> utf8)
    {
        using var document = JsonDocument.Parse(utf8, Options);
        return document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty("tags"u8, out var tags)
            && tags.ValueKind == JsonValueKind.Object
                ? [.. tags.EnumerateObject().Select(tag => tag.Name)]
                : [];
    }
}
