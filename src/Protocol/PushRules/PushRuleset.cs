using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>All push rules of a user, each kind in the order in which its rules are tried.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #push-rules, #predefined-rules.
/// Shape: the user's own rules stand before the server's, but for <c>.m.rule.master</c>, which is first of all.
/// Ensures: immutable.
/// </remarks>
public sealed class PushRuleset
{
    /// <summary>The rule that switches all others off.</summary>
    public const string MasterRuleId = ".m.rule.master";

    private static readonly JsonDocumentOptions AsDeepAsStored = new() { MaxDepth = Limits.AccountDataDepthMax };
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ImmutableArray<ImmutableArray<PushRule>> _kindToRules;

    private PushRuleset(ImmutableArray<ImmutableArray<PushRule>> kindToRules) => _kindToRules = kindToRules;

    public ImmutableArray<PushRule> this[PushRuleKind kind] => _kindToRules[(int)kind];

    /// <summary>The rules that count for a user: what they stored, and today's predefined rules.</summary>
    /// <remarks>
    /// A stored ruleset holds the predefined rules of the day on which it was stored. Of those only what the user may
    /// change is taken, whether they are on and what they do: so a rule that the spec adds, changes or removes does so
    /// for everybody.
    /// </remarks>
    /// <param name="user">Whose rules they are.</param>
    /// <param name="storedUtf8">The stored content of <c>m.push_rules</c>, or null where nothing was changed.</param>
    public static PushRuleset For(UserId user, ReadOnlyMemory<byte>? storedUtf8)
    {
        var predefined = PredefinedPushRules.For(user);
        if (storedUtf8 is not { } utf8)
            return predefined;
        var stored = Read(JsonElement.Parse(utf8.Span, AsDeepAsStored));
        return new PushRuleset([.. PushRuleKinds.All.Select(kind => Merge(predefined[kind], stored[kind]))]);
    }

    public PushRule? Find(PushRuleKind kind, string ruleId)
    {
        foreach (var rule in this[kind])
        {
            if (rule.RuleId == ruleId)
                return rule;
        }
        return null;
    }

    /// <summary>The same rules, but for all of one kind.</summary>
    public PushRuleset With(PushRuleKind kind, ImmutableArray<PushRule> rules) =>
        new(_kindToRules.SetItem((int)kind, rules));

    /// <summary>The content of <c>m.push_rules</c>: <c>{"global":{…}}</c>.</summary>
    public byte[] ToContent() => Write(writer =>
    {
        writer.WriteStartObject();
        writer.WritePropertyName("global"u8);
        WriteGlobal(writer);
        writer.WriteEndObject();
    });

    /// <summary>What stands under <c>global</c>.</summary>
    public byte[] ToGlobal() => Write(WriteGlobal);

    internal static PushRuleset Read(JsonElement content)
    {
        var global = Member(content, "global", JsonValueKind.Object);
        return new PushRuleset([.. PushRuleKinds.All.Select(kind => ReadKind(global, kind))]);
    }

    private static ImmutableArray<PushRule> ReadKind(JsonElement? global, PushRuleKind kind)
    {
        var rules = ImmutableArray.CreateBuilder<PushRule>();
        if (Member(global, PushRuleKinds.NameOf(kind), JsonValueKind.Array) is { } array)
        {
            foreach (var one in array.EnumerateArray())
            {
                if (one.ValueKind == JsonValueKind.Object && PushRule.Read(one, kind) is { } rule)
                    rules.Add(rule);
            }
        }
        return rules.ToImmutable();
    }

    private static ImmutableArray<PushRule> Merge(ImmutableArray<PushRule> predefined, ImmutableArray<PushRule> stored)
    {
        var rules = ImmutableArray.CreateBuilder<PushRule>();
        rules.AddRange(predefined.Where(rule => rule.RuleId == MasterRuleId).Select(Changed));
        rules.AddRange(stored.Where(rule => !rule.IsDefault));
        rules.AddRange(predefined.Where(rule => rule.RuleId != MasterRuleId).Select(Changed));
        return rules.ToImmutable();

        PushRule Changed(PushRule rule) => stored.FirstOrDefault(one => one.IsDefault && one.RuleId == rule.RuleId)
            is { } changed
            ? rule with { IsEnabled = changed.IsEnabled, Actions = changed.Actions }
            : rule;
    }

    private static JsonElement? Member(JsonElement? holder, string name, JsonValueKind valueKind) =>
        holder is { ValueKind: JsonValueKind.Object } parsed
        && parsed.TryGetProperty(name, out var value) && value.ValueKind == valueKind
            ? value
            : null;

    private void WriteGlobal(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (var kind in PushRuleKinds.All)
        {
            writer.WriteStartArray(PushRuleKinds.NameOf(kind));
            foreach (var rule in this[kind])
                rule.WriteTo(writer);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    private static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(4 * 1024);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
            write(writer);
        return buffer.WrittenSpan.ToArray();
    }
}
