using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Aliases;

/// <summary>Reads contents of <c>m.room.canonical_alias</c>. Spec: v1.19 client-server-api
/// #mroomcanonical_alias.</summary>
internal static class CanonicalAliasContent
{
    /// <summary>All aliases that a content names, or why it is malformed. <c>alias</c> may be null or empty:
    /// none.</summary>
    public static (IReadOnlyList<string> Named, MatrixError? Problem) Read(JsonElement content)
    {
        var named = new List<string>();
        if (content.TryGetProperty("alias"u8, out var alias) && alias.ValueKind != JsonValueKind.Null)
        {
            if (alias.ValueKind != JsonValueKind.String)
                return ([], MatrixError.InvalidParam("'alias' must be a string."));
            if (alias.GetString() is { Length: > 0 } text)
                named.Add(text);
        }
        if (!content.TryGetProperty("alt_aliases"u8, out var others) || others.ValueKind == JsonValueKind.Null)
            return (named, null);
        if (others.ValueKind != JsonValueKind.Array)
            return ([], MatrixError.InvalidParam("'alt_aliases' must be an array."));
        foreach (var other in others.EnumerateArray())
        {
            if (other.ValueKind != JsonValueKind.String)
                return ([], MatrixError.InvalidParam("'alt_aliases' must hold strings."));
            named.Add(other.GetString()!);
        }
        return (named, null);
    }

    /// <summary>What the standing event names; a malformed one names nothing.</summary>
    public static HashSet<string> Standing(Pdu? pdu) =>
        pdu is null ? [] : new HashSet<string>(Read(pdu.Content).Named, StringComparer.Ordinal);

    /// <summary>The content without an alias, or null when it does not name it.</summary>
    public static JsonElement? Without(JsonElement content, string alias)
    {
        var (named, problem) = Read(content);
        if (problem is not null || !named.Contains(alias))
            return null;
        var changes = new List<KeyValuePair<string, JsonElement>>();
        if (content.StringOrNull("alias") == alias)
            changes.Add(new("alias", default));
        if (content.TryGetProperty("alt_aliases"u8, out var others) && others.ValueKind == JsonValueKind.Array)
            changes.Add(new("alt_aliases", WithoutElement(others, alias)));
        return JsonContent.With(content, changes);
    }

    private static JsonElement WithoutElement(JsonElement array, string alias) => JsonContent.Build(json =>
    {
        json.WriteStartArray("kept"u8);
        foreach (var other in array.EnumerateArray())
        {
            if (other.GetString() != alias)
                other.WriteTo(json);
        }
        json.WriteEndArray();
    }).GetProperty("kept"u8);
}
