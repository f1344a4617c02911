using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Sync.Sliding;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Sync.Sliding;

/// <summary>Reads the body of sliding sync, as the proposal has it and as clients have sent it since before.</summary>
/// <remarks>
/// MSC4186, request body, and its changelog: the older form has several <c>ranges</c>, <c>required_state</c> as
/// pairs with the words <c>$ME</c> and <c>$LAZY</c>, and <c>is_invite</c>. Errors: M_INVALID_PARAM, with the member
/// that is wrong.
/// </remarks>
internal sealed class SlidingRequestReader(SlidingRequest request, bool isOlderForm)
{
    /// <summary>LIMIT: lists and subscriptions of a request. MSC4186, request body.</summary>
    private const int ListsMax = 100;
    private const int SubscriptionsMax = 100;

    /// <summary>LIMIT: patterns of one <c>required_state</c>, windows of a list, words of a filter. Ours: clients send
    /// some twenty.</summary>
    private const int ElementsMax = 200;

    /// <summary>LIMIT: characters of <c>conn_id</c>. Ours.</summary>
    private const int ConnectionIdMax = 255;

    public (SlidingRequest? Request, MatrixError? Error) Read(JsonElement body)
    {
        try
        {
            var lists = Members(body, "lists", ListsMax);
            var subscriptions = Members(body, "room_subscriptions", SubscriptionsMax);
            return (request with
            {
                ConnectionId = Text(body, "conn_id") ?? string.Empty,
                Lists = [.. lists.Select(list => ReadList(list.Name, list.Value))],
                Subscriptions = subscriptions.ToDictionary(
                    one => one.Name, one => ReadConfig(one.Value, $"room_subscriptions.{one.Name}")),
                Extensions = ReadExtensions(Member(body, "extensions")),
            }, null);
        }
        catch (FormatException wrong)
        {
            return (null, MatrixError.InvalidParam(wrong.Message));
        }
    }

    private SlidingList ReadList(string name, JsonElement list) => new(name, ReadConfig(list, $"lists.{name}"))
    {
        Ranges = isOlderForm ? ReadRanges(Member(list, "ranges")) : ReadRange(Member(list, "range")),
        Filter = ReadFilter(Member(list, "filters")),
    };

    private RoomConfig ReadConfig(JsonElement config, string where)
    {
        if (config.ValueKind != JsonValueKind.Object)
            throw new FormatException($"{where} must be an object.");
        var limit = Number(config, "timeline_limit");
        if (limit is null && !isOlderForm)
            throw new FormatException($"{where}.timeline_limit is missing.");
        if (limit < 0)
            throw new FormatException($"{where}.timeline_limit must not be negative.");
        var required = Member(config, "required_state");
        return new RoomConfig(
            (int)Math.Min(limit ?? 0, SyncLimits.TimelineMax),
            [isOlderForm ? ReadPairs(required) : ReadRequired(required)]);
    }

    private RequiredState ReadPairs(JsonElement? required)
    {
        var include = ImmutableArray.CreateBuilder<StatePattern>();
        var isLazy = false;
        foreach (var pair in Elements(required, "required_state"))
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2
                || pair[0].ValueKind != JsonValueKind.String || pair[1].ValueKind != JsonValueKind.String)
            {
                throw new FormatException("required_state holds pairs of an event type and a state key.");
            }
            var (type, key) = (pair[0].GetString()!, pair[1].GetString()!);
            if (key == "$LAZY")
            {
                isLazy = true;
                continue;
            }
            include.Add(new StatePattern(
                type == "*" ? null : type, key == "*" ? null : key == "$ME" ? request.User.Value : key));
        }
        return new RequiredState(include.ToImmutable(), [], isLazy);
    }

    private static RequiredState ReadRequired(JsonElement? required)
    {
        if (required is not { } given)
            return new RequiredState([], [], false);
        if (given.ValueKind != JsonValueKind.Object)
            throw new FormatException("required_state must be an object.");
        return new RequiredState(
            Patterns(given, "include"), Patterns(given, "exclude"), Flag(given, "lazy_members") ?? false);
    }

    private static ImmutableArray<StatePattern> Patterns(JsonElement owner, string name)
    {
        var patterns = ImmutableArray.CreateBuilder<StatePattern>();
        foreach (var element in Elements(Member(owner, name), name))
        {
            if (element.ValueKind != JsonValueKind.Object)
                throw new FormatException($"required_state.{name} holds objects.");
            patterns.Add(new StatePattern(Text(element, "type"), Text(element, "state_key")));
        }
        return patterns.ToImmutable();
    }

    private static List<(int First, int Last)>? ReadRanges(JsonElement? ranges) => ranges is null
        ? null
        : [.. Elements(ranges, "ranges").Select(range => ReadPair(range))];

    private static List<(int First, int Last)>? ReadRange(JsonElement? range) =>
        range is { } pair ? [ReadPair(pair)] : null;

    private static (int First, int Last) ReadPair(JsonElement pair)
    {
        if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2
            || pair[0].ValueKind != JsonValueKind.Number || pair[1].ValueKind != JsonValueKind.Number
            || !pair[0].TryGetInt64(out var first) || !pair[1].TryGetInt64(out var last)
            || first < 0 || last < first)
        {
            throw new FormatException("A range is two whole numbers, the first not greater than the last.");
        }
        return ((int)Math.Min(first, int.MaxValue), (int)Math.Min(last, int.MaxValue));
    }

    private SlidingFilter ReadFilter(JsonElement? filters)
    {
        if (filters is not { } given)
            return new SlidingFilter();
        if (given.ValueKind != JsonValueKind.Object)
            throw new FormatException("filters must be an object.");
        return new SlidingFilter
        {
            IsDirect = Flag(given, "is_dm"),
            IsEncrypted = Flag(given, "is_encrypted"),
            IsInvited = Flag(given, isOlderForm ? "is_invite" : "is_invited"),
            Spaces = Texts(given, "spaces"),
            RoomTypes = NullableTexts(given, "room_types"),
            NotRoomTypes = NullableTexts(given, "not_room_types"),
            Tags = Texts(given, "tags"),
            NotTags = Texts(given, "not_tags"),
        };
    }

    private static SlidingExtensions ReadExtensions(JsonElement? extensions)
    {
        if (extensions is not { } given)
            return new SlidingExtensions();
        if (given.ValueKind != JsonValueKind.Object)
            throw new FormatException("extensions must be an object.");
        return new SlidingExtensions
        {
            Typing = ReadScope(given, "typing"),
            Receipts = ReadScope(given, "receipts"),
            AccountData = ReadScope(given, "account_data"),
            IsEncryptionOn = FindEnabled(given, "e2ee") is not null,
            ToDeviceAfter = FindEnabled(given, "to_device") is { } toDevice ? ReadToDevice(toDevice) : null,
        };
    }

    private static long ReadToDevice(JsonElement extension)
    {
        if (Text(extension, "since") is not { Length: > 0 } since)
            return 0;
        return long.TryParse(since, NumberStyles.None, CultureInfo.InvariantCulture, out var upTo)
            ? upTo
            : throw new FormatException("extensions.to_device.since is not a token of this server.");
    }

    private static SlidingScope? ReadScope(JsonElement extensions, string name) =>
        FindEnabled(extensions, name) is { } extension
            ? new SlidingScope(AllIsNull(Texts(extension, "lists")), AllIsNull(Texts(extension, "rooms")))
            : null;

    private static string[]? AllIsNull(string[]? names) => names is not null && names.Contains("*") ? null : names;

    private static JsonElement? FindEnabled(JsonElement extensions, string name)
    {
        if (Member(extensions, name) is not { } extension)
            return null;
        if (extension.ValueKind != JsonValueKind.Object)
            throw new FormatException($"extensions.{name} must be an object.");
        return Flag(extension, "enabled") == true ? extension : null;
    }

    private static JsonElement? Member(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static List<JsonProperty> Members(JsonElement owner, string name, int max)
    {
        if (Member(owner, name) is not { } members)
            return [];
        if (members.ValueKind != JsonValueKind.Object)
            throw new FormatException($"{name} must be an object.");
        var found = members.EnumerateObject().ToList();
        return found.Count <= max ? found : throw new FormatException($"{name} may have at most {max} members.");
    }

    private static IEnumerable<JsonElement> Elements(JsonElement? array, string name)
    {
        if (array is not { } given)
            return [];
        if (given.ValueKind != JsonValueKind.Array)
            throw new FormatException($"{name} must be an array.");
        return given.GetArrayLength() <= ElementsMax
            ? given.EnumerateArray()
            : throw new FormatException($"{name} may have at most {ElementsMax} elements.");
    }

    private static string? Text(JsonElement owner, string name)
    {
        if (Member(owner, name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { Length: <= ConnectionIdMax } text)
            throw new FormatException($"{name} must be a string of at most {ConnectionIdMax} characters.");
        return text;
    }

    private static bool? Flag(JsonElement owner, string name) => Member(owner, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw new FormatException($"{name} must be true or false."),
    };

    private static long? Number(JsonElement owner, string name) => Member(owner, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt64(out var value) => value,
        _ => throw new FormatException($"{name} must be a whole number."),
    };

    private static string[]? Texts(JsonElement owner, string name) =>
        NullableTexts(owner, name)?
            .Select(text => text ?? throw new FormatException($"{name} holds strings."))
            .ToArray();

    private static string?[]? NullableTexts(JsonElement owner, string name) => Member(owner, name) is not { } array
        ? null
        : [.. Elements(array, name).Select(element => element.ValueKind switch
        {
            JsonValueKind.String => element.GetString(),
            JsonValueKind.Null => null,
            _ => throw new FormatException($"{name} holds strings."),
        })];
}
