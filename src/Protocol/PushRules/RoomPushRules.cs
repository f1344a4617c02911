using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>The push rules that are about one room, and the same for another room.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-upgrades (server behaviour). Of a room are its rule of kind room, and rules of
/// the user's own whose conditions compare <c>room_id</c> with it.
/// </remarks>
public static class RoomPushRules
{
    /// <summary>The rules with a copy, for another room, of each that is about a room; a copy stands right behind what
    /// it is a copy of.</summary>
    /// <remarks>Ensures: a rule that has the copy's id already is left alone, so that copying twice is copying once.
    /// </remarks>
    public static PushRuleset Copy(PushRuleset rules, RoomId from, RoomId to)
    {
        var after = rules;
        foreach (var kind in PushRuleKinds.All)
        {
            var copied = ImmutableArray.CreateBuilder<PushRule>(rules[kind].Length);
            foreach (var rule in rules[kind])
            {
                copied.Add(rule);
                if (CopyOf(kind, rule, from, to) is { } copy && rules.Find(kind, copy.RuleId) is null)
                    copied.Add(copy);
            }
            if (copied.Count > rules[kind].Length)
                after = after.With(kind, copied.ToImmutable());
        }
        return after;
    }

    private static PushRule? CopyOf(PushRuleKind kind, PushRule rule, RoomId from, RoomId to)
    {
        if (rule.IsDefault)
            return null;
        if (kind == PushRuleKind.Room)
            return rule.RuleId == from.Value ? rule with { RuleId = to.Value } : null;
        if (rule.Conditions is not { } conditions || !conditions.EnumerateArray().Any(one => IsAbout(one, from)))
            return null;
        var ruleId = rule.RuleId.Contains(from.Value, StringComparison.Ordinal)
            ? rule.RuleId.Replace(from.Value, to.Value, StringComparison.Ordinal)
            : $"{rule.RuleId}.{to.Value}";
        var isId = !ruleId.Contains('/', StringComparison.Ordinal) && !ruleId.Contains('\\', StringComparison.Ordinal)
            && Encoding.UTF8.GetByteCount(ruleId) <= Limits.PushRuleIdBytesMax;
        return isId ? rule with { RuleId = ruleId, Conditions = About(conditions, from, to) } : null;
    }

    private static bool IsAbout(JsonElement condition, RoomId room) =>
        condition.ValueKind == JsonValueKind.Object
        && ((Is(condition, "kind", "event_match") && Is(condition, "key", "room_id")
                && Is(condition, "pattern", room.Value))
            || (Is(condition, "kind", "event_property_is") && Is(condition, "key", "room_id")
                && Is(condition, "value", room.Value)));

    private static bool Is(JsonElement holder, string name, string value) =>
        holder.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String
        && member.ValueEquals(value);

    private static JsonElement About(JsonElement conditions, RoomId from, RoomId to)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (var condition in conditions.EnumerateArray())
            {
                if (!IsAbout(condition, from))
                {
                    condition.WriteTo(writer);
                    continue;
                }
                writer.WriteStartObject();
                foreach (var member in condition.EnumerateObject())
                {
                    if (member.Name is "pattern" or "value")
                        writer.WriteString(member.Name, to.Value);
                    else
                        member.WriteTo(writer);
                }
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        return JsonElement.Parse(buffer.WrittenSpan, new JsonDocumentOptions { MaxDepth = Limits.AccountDataDepthMax });
    }
}
