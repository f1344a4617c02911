using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Json;
using static Matrix.EventSourced.Fuzz.BrokenLawException;

namespace Matrix.EventSourced.Fuzz.Targets;

/// <summary>Canonical JSON: stable, means the same as its source, and sorted.</summary>
internal sealed class CanonicalJsonTarget : IFuzzTarget
{
    private static readonly JsonDocumentOptions Options = new()
    {
        MaxDepth = Limits.JsonDepthMax,
        AllowDuplicateProperties = false,
    };

    public string Name => "canonical-json";

    public IReadOnlyList<string> Dictionary { get; } =
    [
        "{\"b\":1,\"a\":2}", "\"a\":", ",\"\\u0061\":1", "{\"\\ufb33\":1,\"\\ud83d\\ude00\":2}", "[1,2]",
        "\"\\b\\f\\n\\r\\t\"",
    ];

    public string Run(ReadOnlyMemory<byte> input)
    {
        var violation = CanonicalJson.FindViolation(input.Span);
        if (!CanonicalJson.TryCanonicalise(input.Span, out var canonical, out var fault))
        {
            ThrowUnless(violation is not null, "What has no canonical form violates it.");
            return fault;
        }
        ThrowUnless(CanonicalJson.TryCanonicalise(canonical, out var again, out _), "The canonical form has one.");
        ThrowUnless(canonical.AsSpan().SequenceEqual(again), "The canonical form of the canonical form is itself.");
        if (violation is null)
            ThrowUnless(CanonicalJson.FindViolation(canonical) is null, "A strict text stays strict.");

        // The framework's reader is the independent judge of what the bytes mean.
        using var before = JsonDocument.Parse(input, Options);
        using var after = JsonDocument.Parse(canonical, Options);
        ThrowUnless(IsSame(before.RootElement, after.RootElement), "The canonical form means the same.");
        return (violation ?? "strict") + " " + before.RootElement.ValueKind;
    }

    private static bool IsSame(JsonElement before, JsonElement after)
    {
        if (before.ValueKind != after.ValueKind)
            return false;
        switch (before.ValueKind)
        {
            case JsonValueKind.Object:
                return IsSameObject(before, after);
            case JsonValueKind.Array:
                return before.GetArrayLength() == after.GetArrayLength()
                    && before.EnumerateArray().Zip(after.EnumerateArray()).All(pair => IsSame(pair.First, pair.Second));
            case JsonValueKind.String:
                return before.GetString() == after.GetString();
            case JsonValueKind.Number:
                return before.GetRawText() == after.GetRawText() || before.GetDouble() == after.GetDouble();
            default:
                return true;
        }
    }

    private static bool IsSameObject(JsonElement before, JsonElement after)
    {
        byte[]? earlier = null;
        var count = 0;
        foreach (var member in after.EnumerateObject())
        {
            var key = System.Text.Encoding.UTF8.GetBytes(member.Name);
            if (earlier is not null && earlier.AsSpan().SequenceCompareTo(key) >= 0)
                return false;
            if (!before.TryGetProperty(key, out var value) || !IsSame(value, member.Value))
                return false;
            earlier = key;
            count++;
        }
        return count == before.GetPropertyCount();
    }
}
