using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <summary>Checks values against the part of JSON schema that the spec's API description uses.</summary>
/// <remarks>Errors: a keyword that is not known here throws, so that no constraint is passed over.</remarks>
internal static class JsonSchema
{
    /// <summary>What is wrong with a value, each with its place; empty when it fits.</summary>
    public static IReadOnlyList<string> FindProblems(JsonElement schema, JsonElement value)
    {
        var problems = new List<string>();
        Check(schema, value, "$", problems);
        return problems;
    }

    private static void Check(JsonElement schema, JsonElement value, string at, List<string> problems)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            switch (keyword.Name)
            {
                case "type":
                    CheckType(keyword.Value, value, at, problems);
                    break;
                case "enum":
                    if (!keyword.Value.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)))
                        problems.Add($"{at}: {value.GetRawText()} is none of {keyword.Value.GetRawText()}");
                    break;
                case "pattern":
                    if (value.ValueKind == JsonValueKind.String
                        && !Regex.IsMatch(value.GetString()!, keyword.Value.GetString()!, RegexOptions.CultureInvariant))
                        problems.Add($"{at}: '{value.GetString()}' does not match {keyword.Value.GetString()}");
                    break;
                case "allOf":
                    foreach (var part in keyword.Value.EnumerateArray())
                        Check(part, value, at, problems);
                    break;
                case "anyOf" or "oneOf":
                    CheckChoice(keyword, value, at, problems);
                    break;
                case "required" or "properties" or "patternProperties" or "additionalProperties" or "minProperties"
                    or "maxProperties":
                    CheckMembers(schema, keyword, value, at, problems);
                    break;
                case "items" or "minItems" or "maxItems":
                    CheckItems(keyword, value, at, problems);
                    break;
                default:
                    throw new InvalidOperationException($"The keyword {keyword.Name} is not known here.");
            }
        }
    }

    private static void CheckType(JsonElement type, JsonElement value, string at, List<string> problems)
    {
        var types = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : (List<JsonElement>)[type];
        if (!types.Any(one => IsOf(one.GetString()!, value)))
            problems.Add($"{at}: {value.ValueKind} is not {type.GetRawText()}");
    }

    private static bool IsOf(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind == JsonValueKind.Number,
        _ => throw new InvalidOperationException($"The type {type} is not known here."),
    };

    /// <summary>At least one for both: the spec writes oneOf where branches may overlap.</summary>
    private static void CheckChoice(JsonProperty keyword, JsonElement value, string at, List<string> problems)
    {
        var closest = keyword.Value.EnumerateArray().Select(part =>
        {
            var found = new List<string>();
            Check(part, value, at, found);
            return found;
        }).MinBy(found => found.Count)!;
        problems.AddRange(closest);
    }

    private static void CheckMembers(
        JsonElement schema, JsonProperty keyword, JsonElement value, string at, List<string> problems)
    {
        if (value.ValueKind != JsonValueKind.Object)
            return;
        switch (keyword.Name)
        {
            case "required":
                foreach (var name in keyword.Value.EnumerateArray())
                {
                    if (!value.TryGetProperty(name.GetString()!, out _))
                        problems.Add($"{at}: '{name.GetString()}' is missing");
                }
                break;
            case "properties":
                foreach (var property in keyword.Value.EnumerateObject())
                {
                    if (value.TryGetProperty(property.Name, out var member))
                        Check(property.Value, member, $"{at}.{property.Name}", problems);
                }
                break;
            case "patternProperties":
                foreach (var (pattern, member) in keyword.Value.EnumerateObject().SelectMany(pattern =>
                    value.EnumerateObject().Where(member => Matches(member.Name, pattern.Name)).Select(member =>
                        (pattern, member))))
                    Check(pattern.Value, member.Value, $"{at}.{member.Name}", problems);
                break;
            case "additionalProperties":
                foreach (var member in value.EnumerateObject().Where(member => !IsNamed(schema, member.Name)))
                {
                    if (keyword.Value.ValueKind == JsonValueKind.Object)
                        Check(keyword.Value, member.Value, $"{at}.{member.Name}", problems);
                    else if (keyword.Value.ValueKind == JsonValueKind.False)
                        problems.Add($"{at}: '{member.Name}' is not allowed");
                }
                break;
            default:
                CheckCount(keyword, value.EnumerateObject().Count(), at, problems);
                break;
        }
    }

    private static void CheckItems(JsonProperty keyword, JsonElement value, string at, List<string> problems)
    {
        if (value.ValueKind != JsonValueKind.Array)
            return;
        if (keyword.Name != "items")
        {
            CheckCount(keyword, value.GetArrayLength(), at, problems);
            return;
        }
        var index = 0;
        foreach (var item in value.EnumerateArray())
            Check(keyword.Value, item, string.Create(CultureInfo.InvariantCulture, $"{at}[{index++}]"), problems);
    }

    private static void CheckCount(JsonProperty keyword, int count, string at, List<string> problems)
    {
        var bound = keyword.Value.GetInt32();
        var isMinimum = keyword.Name.StartsWith("min", StringComparison.Ordinal);
        if (isMinimum ? count < bound : count > bound)
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"{at}: {count} against {keyword.Name} {bound}"));
    }

    private static bool IsNamed(JsonElement schema, string name) =>
        (schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out _))
        || (schema.TryGetProperty("patternProperties", out var patterns)
            && patterns.EnumerateObject().Any(pattern => Matches(name, pattern.Name)));

    private static bool Matches(string name, string pattern) =>
        Regex.IsMatch(name, pattern, RegexOptions.CultureInvariant);
}
