using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>The filter of /messages and /context: a RoomEventFilter, and which relations an event must have.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #filtering.
/// NOTSPEC: <c>related_by_senders</c> and <c>related_by_rel_types</c> are of no version of the spec, but clients that
/// know no list of threads ask for them. An event passes that has a child which fits.
/// NOTSPEC: the id of a stored filter is taken too, and stands for its <c>room.timeline</c>.
/// </remarks>
internal sealed record RoomFilter(EventFilter Events)
{
    public static readonly RoomFilter None = new(EventFilter.None);

    public string[]? RelatedBySenders { get; init; }
    public string[]? RelatedByRelTypes { get; init; }

    public bool IsByRelation => RelatedBySenders is not null || RelatedByRelTypes is not null;

    /// <summary>The request's filter; everything passes where none is given. Errors: M_INVALID_PARAM.</summary>
    public static async ValueTask<(RoomFilter Filter, MatrixError? Error)> ReadAsync(MatrixRequest request)
    {
        if (request.Query("filter") is not { Length: > 0 } text)
            return (None, null);
        var filter = text[0] == '{'
            ? Find(Encoding.UTF8.GetBytes(text), isStored: false)
            : await FindStoredAsync(request, text);
        return filter is null
            ? (None, MatrixError.InvalidParam("filter is neither a room event filter nor the id of a stored one."))
            : (filter, null);
    }

    private static async ValueTask<RoomFilter?> FindStoredAsync(MatrixRequest request, string filterId)
    {
        await request.Get<IProjectionGate>().WaitForHeadAsync(UserApiProjection.Gate, request.ClientGone);
        var stored = await request.Get<IFilterQueries>().FindAsync(
            request.Requester.UserId, filterId, request.ClientGone);
        return stored is { } utf8 ? Find(utf8, isStored: true) : null;
    }

    private static RoomFilter? Find(ReadOnlyMemory<byte> utf8, bool isStored)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new() { MaxDepth = Limits.JsonDepthMax });
            var filter = document.RootElement;
            if (isStored && !TryGetTimeline(filter, out filter))
                return None;
            var events = FilterReader.FindEventFilter(JsonMarshal.GetRawUtf8Value(filter).ToArray());
            return events is null ? null : new(events)
            {
                RelatedBySenders = Strings(filter, "related_by_senders"),
                RelatedByRelTypes = Strings(filter, "related_by_rel_types"),
            };
        }
        catch (Exception exception) when (exception is JsonException or FormatException)
        {
            return null;
        }
    }

    private static bool TryGetTimeline(JsonElement filter, out JsonElement timeline)
    {
        timeline = default;
        return filter.ValueKind == JsonValueKind.Object
            && filter.TryGetProperty("room"u8, out var room)
            && room.ValueKind == JsonValueKind.Object
            && room.TryGetProperty("timeline"u8, out timeline);
    }

    private static string[]? Strings(JsonElement filter, string name)
    {
        if (!filter.TryGetProperty(name, out var list) || list.ValueKind == JsonValueKind.Null)
            return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw new FormatException("A list of a filter must be an array.");
        var strings = new List<string>();
        foreach (var element in list.EnumerateArray())
        {
            strings.Add(element.ValueKind == JsonValueKind.String
                ? element.GetString()!.Replace("\0", string.Empty, StringComparison.Ordinal)
                : throw new FormatException("A list of a filter holds strings."));
        }
        return [.. strings];
    }
}
