using System.Collections.Frozen;

namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>What a redaction leaves of a PDU: the top-level keys, and per event type the keys of
/// <c>content</c>.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #redactions; rooms/v1 … rooms/v12 #redactions.
/// Shape: <see cref="ContentKeys"/> maps an event type to the keys it keeps; a type that is absent keeps none.
/// </remarks>
public sealed record RedactionRules
{
    /// <summary>The keys that survive at the top level.</summary>
    public required KeySet TopLevelKeys { get; init; }

    /// <summary>Event type to the keys of its content that survive.</summary>
    public required FrozenDictionary<string, KeySet> ContentKeys { get; init; }

    /// <summary>From version 11: the create PDU's content survives as a whole.</summary>
    public bool KeepsCreateContent { get; init; }

    /// <summary>From version 11: of a member PDU's <c>third_party_invite</c>, <c>signed</c> survives.</summary>
    public bool KeepsSignedInvite { get; init; }

    /// <summary>These rules with the keys of one event type's content replaced; no keys removes the type.</summary>
    internal RedactionRules WithContentKeys(string type, params string[] keys)
    {
        var typeToKeys = ContentKeys.ToDictionary();
        if (keys.Length == 0)
            typeToKeys.Remove(type);
        else
            typeToKeys[type] = new KeySet(keys);
        return this with { ContentKeys = typeToKeys.ToFrozenDictionary(StringComparer.Ordinal) };
    }
}
