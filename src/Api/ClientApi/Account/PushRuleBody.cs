using System.Text.Json;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Reads a push rule out of a request's body; what its kind has no use for is left out.</summary>
/// <remarks>Errors: M_MISSING_PARAM, M_BAD_JSON, M_INVALID_PARAM for unknown actions.</remarks>
internal static class PushRuleBody
{
    private static readonly JsonElement NoConditions = JsonElement.Parse("[]"u8);

    public static (JsonElement Actions, MatrixError? Error) ReadActions(JsonElement body) =>
        body.TryGetProperty("actions"u8, out var actions)
            ? PushActions.Check(actions)
            : (default, MatrixError.MissingParam("actions is missing."));

    public static (PushRuleChange.Put? Put, MatrixError? Error) ReadRule(
        JsonElement body, PushRuleKind kind, string ruleId, string? before, string? after)
    {
        var (actions, error) = ReadActions(body);
        if (error is not null)
            return (null, error);
        JsonElement? conditions = null;
        if (PushRuleKinds.HasConditions(kind))
        {
            (conditions, error) = ReadConditions(body);
            if (error is not null)
                return (null, error);
        }
        string? pattern = null;
        if (kind == PushRuleKind.Content)
        {
            var fields = new BodyFields(body);
            pattern = fields.RequiredString("pattern");
            if (fields.Error is not null)
                return (null, fields.Error);
        }
        return (new PushRuleChange.Put(kind, ruleId, actions, conditions, pattern, before, after), null);
    }

    /// <summary>A rule without conditions matches everything; conditions that nobody knows are kept, and match
    /// nothing.</summary>
    private static (JsonElement? Conditions, MatrixError? Error) ReadConditions(JsonElement body)
    {
        if (!body.TryGetProperty("conditions"u8, out var conditions) || conditions.ValueKind == JsonValueKind.Null)
            return (NoConditions, null);
        if (conditions.ValueKind != JsonValueKind.Array)
            return (null, MatrixError.BadJson("conditions must be a list."));
        foreach (var condition in conditions.EnumerateArray())
        {
            if (condition.ValueKind != JsonValueKind.Object)
                return (null, MatrixError.BadJson("A condition must be an object."));
            if (!condition.TryGetProperty("kind"u8, out var kind))
                return (null, MatrixError.MissingParam("The kind of a condition is missing."));
            if (kind.ValueKind != JsonValueKind.String)
                return (null, MatrixError.BadJson("The kind of a condition must be a string."));
        }
        return (conditions, null);
    }
}
