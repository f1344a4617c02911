using System.Text.Json.Nodes;
using CsCheck;

namespace Matrix.EventSourced.Protocol.Tests.Json;

/// <summary>Random strict JSON: what a client may put into a content.</summary>
internal static class RandomJson
{
    /// <summary>Letters that need care: escapes, two to four bytes of UTF-8, both sides of the surrogates.</summary>
    private static readonly string[] Letters =
    [
        "a", "b", "Z", "\"", "\\", "/", "\n", "\u0001", "\u007f", "é", "日", "\uD7FF", "\uE000", "\uFFFD", "😀",
        "\U0010FFFF",
    ];

    private static readonly Gen<string> Text =
        Gen.Int[0, Letters.Length - 1].Array[0, 6].Select(picks => string.Concat(picks.Select(pick => Letters[pick])));

    private static readonly Gen<JsonNode?> Leaf = Gen.OneOf(
        Text.Select(text => (JsonNode?)JsonValue.Create(text)),
        Gen.Long[-Limits.CanonicalIntegerMax, Limits.CanonicalIntegerMax].Select(n => (JsonNode?)JsonValue.Create(n)),
        Gen.Bool.Select(value => (JsonNode?)JsonValue.Create(value)),
        Gen.Const((JsonNode?)null));

    public static Gen<JsonNode?> Value { get; } = OfDepth(3);

    public static Gen<JsonNode?> Object { get; } = ObjectOf(OfDepth(2));

    private static Gen<JsonNode?> OfDepth(int depth) => depth == 0
        ? Leaf
        : Gen.OneOf(Leaf, ObjectOf(OfDepth(depth - 1)), ArrayOf(OfDepth(depth - 1)));

    private static Gen<JsonNode?> ObjectOf(Gen<JsonNode?> value) =>
        Gen.Dictionary(Text, value)[0, 6].Select(members => (JsonNode?)new JsonObject(Clones(members)));

    private static Gen<JsonNode?> ArrayOf(Gen<JsonNode?> value) =>
        value.Array[0, 5].Select(items => (JsonNode?)new JsonArray([.. items.Select(item => item?.DeepClone())]));

    /// <summary>A node has one parent; a generator may hand the same node out twice.</summary>
    private static IEnumerable<KeyValuePair<string, JsonNode?>> Clones(Dictionary<string, JsonNode?> members) =>
        members.Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone()));
}
