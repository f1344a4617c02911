using System.Text.Json;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>The kinds of push rules, in the order in which they are tried.</summary>
/// <remarks>Spec: v1.19 client-server-api #push-rules.</remarks>
public enum PushRuleKind
{
    Override,
    Content,
    Room,
    Sender,
    Underride,
}

/// <summary>The names of the kinds.</summary>
/// <remarks>Spec: v1.19 client-server-api #push-rules.</remarks>
public static class PushRuleKinds
{
    /// <summary>All kinds, in the order in which they are tried.</summary>
    public static IReadOnlyList<PushRuleKind> All { get; } =
    [
        PushRuleKind.Override, PushRuleKind.Content, PushRuleKind.Room, PushRuleKind.Sender, PushRuleKind.Underride,
    ];

    /// <summary>The name in paths and rulesets.</summary>
    public static string NameOf(PushRuleKind kind) => kind switch
    {
        PushRuleKind.Override => "override",
        PushRuleKind.Content => "content",
        PushRuleKind.Room => "room",
        PushRuleKind.Sender => "sender",
        _ => "underride",
    };

    public static bool TryParse(string name, out PushRuleKind kind)
    {
        foreach (var one in All)
        {
            if (NameOf(one) == name)
            {
                kind = one;
                return true;
            }
        }
        kind = default;
        return false;
    }

    /// <summary>Whether rules of the kind say themselves which events they match.</summary>
    public static bool HasConditions(PushRuleKind kind) => kind is PushRuleKind.Override or PushRuleKind.Underride;
}

/// <summary>One push rule.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #push-rules.
/// Shape: IsDefault marks the server's own rules, whose id begins with a dot. Actions is an array; Conditions is an
/// array for kinds that have them and null for others (a rule without conditions always matches); Pattern is a content
/// rule's glob. The JSON values own their memory.
/// </remarks>
public sealed record PushRule(string RuleId, JsonElement Actions)
{
    public bool IsDefault { get; init; }

    public bool IsEnabled { get; init; } = true;

    public JsonElement? Conditions { get; init; }

    public string? Pattern { get; init; }

    /// <summary>The rule as clients see it.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WritePropertyName("actions"u8);
        Actions.WriteTo(writer);
        if (Conditions is { } conditions)
        {
            writer.WritePropertyName("conditions"u8);
            conditions.WriteTo(writer);
        }
        writer.WriteBoolean("default"u8, IsDefault);
        writer.WriteBoolean("enabled"u8, IsEnabled);
        if (Pattern is not null)
            writer.WriteString("pattern"u8, Pattern);
        writer.WriteString("rule_id"u8, RuleId);
        writer.WriteEndObject();
    }

    /// <summary>Reads a rule of a ruleset that this server wrote; null for what is none.</summary>
    internal static PushRule? Read(JsonElement rule, PushRuleKind kind)
    {
        if (!rule.TryGetProperty("rule_id"u8, out var id) || id.ValueKind != JsonValueKind.String)
            return null;
        if (!rule.TryGetProperty("actions"u8, out var actions) || actions.ValueKind != JsonValueKind.Array)
            return null;
        JsonElement? conditions = PushRuleKinds.HasConditions(kind)
            && rule.TryGetProperty("conditions"u8, out var array) && array.ValueKind == JsonValueKind.Array
            ? array
            : null;
        return new PushRule(id.GetString()!, actions)
        {
            IsDefault = IsTrue(rule, "default"),
            IsEnabled = IsTrue(rule, "enabled"),
            Conditions = conditions,
            Pattern = kind == PushRuleKind.Content && rule.TryGetProperty("pattern"u8, out var pattern)
                && pattern.ValueKind == JsonValueKind.String ? pattern.GetString() : null,
        };
    }

    private static bool IsTrue(JsonElement rule, string name) =>
        rule.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;
}
