using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Search;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>What a search asks for, as its body says it.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3search. Errors: M_BAD_JSON, M_MISSING_PARAM,
/// M_INVALID_PARAM.</remarks>
internal sealed record SearchBody(string Term)
{
    /// <summary>LIMIT: events before and after a result. Ours: as many as fill a screen.</summary>
    private const int ContextMax = 20;

    private const int ContextDefault = 5;

    public string[] Keys { get; init; } = SearchText.Keys;
    public EventFilter Filter { get; init; } = EventFilter.None;
    public bool IsByRank { get; init; } = true;
    public SearchContext? Context { get; init; }
    public bool IncludesState { get; init; }
    public bool IsGroupedByRoom { get; init; }
    public bool IsGroupedBySender { get; init; }

    /// <summary>Null without an error: the body asks for no category that this server has.</summary>
    public static (SearchBody? Search, MatrixError? Error) Read(JsonElement body)
    {
        if (!body.TryGetProperty("search_categories"u8, out var categories))
            return (null, MatrixError.MissingParam("search_categories is needed."));
        if (categories.ValueKind != JsonValueKind.Object)
            return (null, MatrixError.BadJson("search_categories must be an object."));
        if (!categories.TryGetProperty("room_events"u8, out var criteria))
            return (null, null);
        if (criteria.ValueKind != JsonValueKind.Object)
            return (null, MatrixError.BadJson("room_events must be an object."));
        try
        {
            return ReadCriteria(criteria);
        }
        catch (FormatException exception)
        {
            return (null, MatrixError.BadJson(exception.Message));
        }
    }

    private static (SearchBody? Search, MatrixError? Error) ReadCriteria(JsonElement criteria)
    {
        if (Text(criteria, "search_term") is not { } term)
            return (null, MatrixError.MissingParam("search_term is needed."));
        var keys = Texts(criteria, "keys") ?? SearchText.Keys;
        if (Array.Exists(keys, key => !SearchText.Keys.Contains(key)))
            return (null, MatrixError.InvalidParam($"keys are some of {string.Join(", ", SearchText.Keys)}."));
        var order = Text(criteria, "order_by");
        if (order is not (null or "rank" or "recent"))
            return (null, MatrixError.InvalidParam("order_by is rank or recent."));
        var groups = Groups(criteria);
        if (groups.Exists(group => group is not ("room_id" or "sender")))
            return (null, MatrixError.InvalidParam("Results are grouped by room_id or sender."));
        var filter = EventFilter.None;
        if (Member(criteria, "filter", JsonValueKind.Object) is { } given)
        {
            if (FilterReader.FindEventFilter(JsonMarshal.GetRawUtf8Value(given).ToArray()) is not { } read)
                return (null, MatrixError.BadJson("filter is not a room event filter."));
            filter = read;
        }
        return (new(term)
        {
            Keys = keys,
            Filter = filter,
            IsByRank = order is not "recent",
            Context = Member(criteria, "event_context", JsonValueKind.Object) is { } context ? new(
                Number(context, "before_limit"), Number(context, "after_limit"), Flag(context, "include_profile"))
                : null,
            IncludesState = Flag(criteria, "include_state"),
            IsGroupedByRoom = groups.Contains("room_id"),
            IsGroupedBySender = groups.Contains("sender"),
        }, null);
    }

    private static List<string> Groups(JsonElement criteria)
    {
        var groups = new List<string>();
        if (Member(criteria, "groupings", JsonValueKind.Object) is not { } groupings
            || Member(groupings, "group_by", JsonValueKind.Array) is not { } groupBy)
        {
            return groups;
        }
        foreach (var group in groupBy.EnumerateArray())
        {
            if (group.ValueKind != JsonValueKind.Object)
                throw new FormatException("group_by must hold objects.");
            groups.Add(Text(group, "key") ?? throw new FormatException("A group needs a key."));
        }
        return groups;
    }

    private static string[]? Texts(JsonElement owner, string name)
    {
        if (Member(owner, name, JsonValueKind.Array) is not { } list)
            return null;
        var texts = new List<string>();
        foreach (var element in list.EnumerateArray())
        {
            texts.Add(element.ValueKind == JsonValueKind.String
                ? element.GetString()!
                : throw new FormatException($"{name} must hold strings."));
        }
        return [.. texts];
    }

    private static string? Text(JsonElement owner, string name) =>
        Member(owner, name, JsonValueKind.String)?.GetString();

    private static int Number(JsonElement owner, string name)
    {
        if (Member(owner, name, JsonValueKind.Number) is not { } value)
            return ContextDefault;
        return value.TryGetInt64(out var number) && number >= 0
            ? (int)Math.Min(number, ContextMax)
            : throw new FormatException($"{name} must be a whole number, zero or more.");
    }

    private static bool Flag(JsonElement owner, string name)
    {
        if (!owner.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return false;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new FormatException($"{name} must be true or false.");
    }

    private static JsonElement? Member(JsonElement owner, string name, JsonValueKind kind)
    {
        if (!owner.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return value.ValueKind == kind
            ? value
            : throw new FormatException($"{name} must be of the kind {kind}.");
    }
}

/// <summary>What is shown around each result.</summary>
internal sealed record SearchContext(int Before, int After, bool IncludesProfile);
