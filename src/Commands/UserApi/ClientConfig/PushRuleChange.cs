using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Commands.UserApi.ClientConfig;

/// <summary>A change of a user's push rules. Pure: rules in, rules or a refusal out.</summary>
/// <remarks>Spec: v1.19 client-server-api #push-rules-api.</remarks>
public abstract record PushRuleChange(PushRuleKind Kind, string RuleId)
{
    private static readonly MatrixError NoSuchRule = MatrixError.NotFound("There is no such push rule.");

    /// <summary>The rules after the change.</summary>
    public abstract (PushRuleset? After, MatrixError? Error) ApplyTo(PushRuleset before);

    private protected (PushRuleset? After, MatrixError? Error) Replace(
        PushRuleset before, Func<PushRule, PushRule> change)
    {
        if (before.Find(Kind, RuleId) is not { } rule)
            return (null, NoSuchRule);
        return (before.With(Kind, before[Kind].Replace(rule, change(rule))), null);
    }

    /// <summary>Adds a rule of the user's own, or gives it new content; it is on when it is added.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #put_matrixclientv3pushrulesglobalkindruleid.
    /// Shape: Before and After name rules of the same kind; Before counts where both are given. Without either a new
    /// rule is the most important of the user's own, and a known one stays where it is.
    /// Errors: M_INVALID_PARAM for a rule id of the server's or of the wrong grammar, and for a place beside one of the
    /// server's rules; M_UNKNOWN for a place beside a rule that is not there, as the spec's example has it.
    /// </remarks>
    public sealed record Put(
        PushRuleKind Kind,
        string RuleId,
        JsonElement Actions,
        JsonElement? Conditions,
        string? Pattern,
        string? Before,
        string? After) : PushRuleChange(Kind, RuleId)
    {
        public override (PushRuleset? After, MatrixError? Error) ApplyTo(PushRuleset before)
        {
            if ((FindProblem() ?? FindProblem(Before, before) ?? FindProblem(After, before)) is { } problem)
                return (null, problem);
            var known = before.Find(Kind, RuleId);
            var rule = new PushRule(RuleId, Actions)
            {
                IsEnabled = known?.IsEnabled ?? true,
                Conditions = Conditions,
                Pattern = Pattern,
            };
            if (known is not null && Before is null && After is null)
                return (before.With(Kind, before[Kind].Replace(known, rule)), null);
            var others = known is null ? before[Kind] : before[Kind].Remove(known);
            return (before.With(Kind, others.Insert(PlaceIn(others), rule)), null);
        }

        private int PlaceIn(ImmutableArray<PushRule> others)
        {
            if (Before is not null)
                return IndexOf(others, Before);
            if (After is not null)
                return IndexOf(others, After) + 1;
            return others is [{ RuleId: PushRuleset.MasterRuleId }, ..] ? 1 : 0;
        }

        private static int IndexOf(ImmutableArray<PushRule> rules, string ruleId)
        {
            for (var i = 0; i < rules.Length; i++)
            {
                if (rules[i].RuleId == ruleId)
                    return i;
            }
            throw new InvalidOperationException("The neighbour was looked for before.");
        }

        private MatrixError? FindProblem()
        {
            if (RuleId.StartsWith('.'))
                return MatrixError.InvalidParam("A rule id that begins with a dot is the server's.");
            if (RuleId.Contains('/') || RuleId.Contains('\\'))
                return MatrixError.InvalidParam("A rule id holds no slashes and no backslashes.");
            if (RuleId.Length == 0 || Encoding.UTF8.GetByteCount(RuleId) > Limits.PushRuleIdBytesMax)
                return MatrixError.InvalidParam($"A rule id has 1 to {Limits.PushRuleIdBytesMax} bytes.");
            return Kind switch
            {
                PushRuleKind.Room when !RoomId.TryParse(RuleId, out _) =>
                    MatrixError.InvalidParam("The id of a room rule is the room's id."),
                PushRuleKind.Sender when !UserId.TryParse(RuleId, out _) =>
                    MatrixError.InvalidParam("The id of a sender rule is the sender's user id."),
                _ => null,
            };
        }

        private MatrixError? FindProblem(string? neighbour, PushRuleset before)
        {
            if (neighbour is null)
                return null;
            if (neighbour.StartsWith('.'))
                return MatrixError.InvalidParam("A rule has no place beside one of the server's rules.");
            if (neighbour == RuleId)
                return MatrixError.InvalidParam("A rule has no place beside itself.");
            return before.Find(Kind, neighbour) is null
                ? new MatrixError(400, ErrCodes.Unknown, $"before/after rule not found: {neighbour}")
                : null;
        }
    }

    /// <summary>Removes a rule of the user's own.</summary>
    /// <remarks>Errors: M_NOT_FOUND; M_INVALID_PARAM for a rule of the server's.</remarks>
    public sealed record Delete(PushRuleKind Kind, string RuleId) : PushRuleChange(Kind, RuleId)
    {
        public override (PushRuleset? After, MatrixError? Error) ApplyTo(PushRuleset before) =>
            before.Find(Kind, RuleId) switch
            {
                null => (null, NoSuchRule),
                { IsDefault: true } => (null, MatrixError.InvalidParam("This is the server's rule: switch it off.")),
                { } rule => (before.With(Kind, before[Kind].Remove(rule)), null),
            };
    }

    /// <summary>Switches a rule on or off, the server's too. Errors: M_NOT_FOUND.</summary>
    public sealed record SetEnabled(PushRuleKind Kind, string RuleId, bool IsEnabled) : PushRuleChange(Kind, RuleId)
    {
        public override (PushRuleset? After, MatrixError? Error) ApplyTo(PushRuleset before) =>
            Replace(before, rule => rule with { IsEnabled = IsEnabled });
    }

    /// <summary>Gives a rule other actions, the server's too. Errors: M_NOT_FOUND.</summary>
    public sealed record SetActions(PushRuleKind Kind, string RuleId, JsonElement Actions)
        : PushRuleChange(Kind, RuleId)
    {
        public override (PushRuleset? After, MatrixError? Error) ApplyTo(PushRuleset before) =>
            Replace(before, rule => rule with { Actions = Actions });
    }
}
