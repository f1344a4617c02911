using System.Collections.Frozen;

namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>What a redaction leaves of a PDU: the top-level keys, and per event type the keys of <c>content</c>.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #redactions; rooms/v1 … rooms/v12 #redactions.
/// Shape: <see cref="ContentKeys"/> maps an event type to the keys it keeps; a type that is absent keeps none.
/// A key written <c>a/b</c> keeps only <c>b</c> of the object <c>a</c>.
/// </remarks>
public sealed record RedactionRules
{
    /// <summary>The keys that survive at the top level.</summary>
    public required FrozenSet<string> TopLevelKeys { get; init; }

    /// <summary>Event type to the keys of its content that survive.</summary>
    public required FrozenDictionary<string, FrozenSet<string>> ContentKeys { get; init; }

    /// <summary>Event types whose content survives as a whole.</summary>
    public FrozenSet<string> WholeContentTypes { get; init; } = FrozenSet<string>.Empty;

    /// <summary>These rules with the keys of one event type's content replaced; no keys removes the type.</summary>
    internal RedactionRules WithContentKeys(string type, params string[] keys)
    {
        var typeToKeys = ContentKeys.ToDictionary();
        if (keys.Length == 0)
            typeToKeys.Remove(type);
        else
            typeToKeys[type] = keys.ToFrozenSet(StringComparer.Ordinal);
        return this with { ContentKeys = typeToKeys.ToFrozenDictionary(StringComparer.Ordinal) };
    }

    /// <summary>These rules without the given top-level keys.</summary>
    internal RedactionRules WithoutTopLevelKeys(params string[] keys) =>
        this with { TopLevelKeys = TopLevelKeys.Except(keys).ToFrozenSet(StringComparer.Ordinal) };
}
