using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>What push rules ask beside the event: about the room, and about the user whose rules they are.</summary>
/// <remarks>
/// Shape: DisplayName is the user's name in the room, null where there is none; JoinedMembers counts the room's joined
/// members; SenderMayNotify answers whether the sender's power level is enough for a kind of notification
/// (<c>room</c>), see <c>PowerLevels.NotificationLevel</c>.
/// </remarks>
public sealed record PushContext(
    UserId User, string? DisplayName, int JoinedMembers, Func<string, bool> SenderMayNotify);

/// <summary>What a rule does with an event.</summary>
/// <remarks>Shape: Actions is the rule's array, without the actions that are history.</remarks>
public sealed record PushVerdict(PushRuleKind Kind, string RuleId, bool Notifies, bool Highlights, JsonElement Actions);

/// <summary>A user's push rules, parsed once and asked for many events.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #push-rules, #conditions, #actions.
/// Ensures: immutable, safe to share.
/// Cost: linear in the rules; each glob costs pattern times text.
/// </remarks>
public sealed class PushRuleEvaluator
{
    private static readonly PropertyPath Body = PropertyPath.Parse("content.body");

    private readonly ImmutableArray<ReadyRule> _rules;

    public PushRuleEvaluator(PushRuleset ruleset) => _rules =
    [
        .. PushRuleKinds.All.SelectMany(kind => ruleset[kind]
            .Where(rule => rule.IsEnabled)
            .Select(rule => new ReadyRule(kind, rule))),
    ];

    /// <summary>The first rule that matches, or null: nobody is notified of what no rule matches, nor of what they sent
    /// themselves.</summary>
    /// <param name="pushed">The event in the form of clients, with <c>room_id</c>, <c>sender</c>, <c>type</c>,
    /// <c>content</c>.</param>
    /// <param name="context">The room and the user.</param>
    public PushVerdict? Evaluate(JsonElement pushed, PushContext context)
    {
        if (Is(pushed, "sender", context.User.Value))
            return null;
        foreach (var rule in _rules)
        {
            if (rule.Matches(pushed, context))
                return rule.Verdict;
        }
        return null;
    }

    private static bool Is(JsonElement pushed, string name, string value) =>
        pushed.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String
        && member.ValueEquals(value);

    private sealed class ReadyRule
    {
        private readonly PushRule _rule;
        private readonly PushRuleKind _kind;
        private readonly GlobPattern? _pattern;
        private readonly ImmutableArray<PushCondition> _conditions;

        public ReadyRule(PushRuleKind kind, PushRule rule)
        {
            _rule = rule;
            _kind = kind;
            _pattern = rule.Pattern is null ? null : GlobPattern.Parse(rule.Pattern);
            _conditions = rule.Conditions is { } conditions
                ? [.. conditions.EnumerateArray().Select(PushCondition.Read)]
                : [];
            Verdict = new PushVerdict(
                kind,
                rule.RuleId,
                PushActions.Notifies(rule.Actions),
                PushActions.Highlights(rule.Actions),
                rule.Actions);
        }

        public PushVerdict Verdict { get; }

        public bool Matches(JsonElement pushed, PushContext context) => _kind switch
        {
            PushRuleKind.Content => _pattern is not null
                && Body.Find(pushed) is { ValueKind: JsonValueKind.String } body
                && _pattern.MatchesWordsOf(body.GetString()!),
            PushRuleKind.Room => Is(pushed, "room_id", _rule.RuleId),
            PushRuleKind.Sender => Is(pushed, "sender", _rule.RuleId),
            _ => HoldAll(pushed, context),
        };

        private bool HoldAll(JsonElement pushed, PushContext context)
        {
            foreach (var condition in _conditions)
            {
                if (!condition.Holds(pushed, context))
                    return false;
            }
            return true;
        }
    }
}
