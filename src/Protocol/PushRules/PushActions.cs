using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>The actions of a push rule: what is one, and what it means.</summary>
/// <remarks>Spec: v1.19 client-server-api #actions, #historical-actions.</remarks>
public static class PushActions
{
    private static readonly JsonDocumentOptions AsDeepAsBodies = new() { MaxDepth = Limits.JsonDepthMax };

    /// <summary>Checks actions that a client sent, and strips those that are history.</summary>
    /// <remarks>Errors: M_BAD_JSON for what is no array of strings and objects; M_INVALID_PARAM for an action that
    /// nobody knows.</remarks>
    public static (JsonElement Actions, MatrixError? Error) Check(JsonElement given)
    {
        if (given.ValueKind != JsonValueKind.Array)
            return (default, MatrixError.BadJson("actions must be a list."));
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (var action in given.EnumerateArray())
            {
                if (FindProblem(action) is { } problem)
                    return (default, problem);
                if (!IsHistory(action))
                    action.WriteTo(writer);
            }
            writer.WriteEndArray();
        }
        return (JsonElement.Parse(buffer.WrittenSpan, AsDeepAsBodies), null);
    }

    public static bool Notifies(JsonElement actions) =>
        actions.EnumerateArray().Any(action => Is(action, "notify"));

    /// <summary>Whether the highlight tweak is set; without a value it is.</summary>
    public static bool Highlights(JsonElement actions) => actions.EnumerateArray().Any(action =>
        action.ValueKind == JsonValueKind.Object
        && action.TryGetProperty("set_tweak"u8, out var tweak) && tweak.ValueKind == JsonValueKind.String
        && tweak.ValueEquals("highlight"u8)
        && (!action.TryGetProperty("value"u8, out var value) || value.ValueKind == JsonValueKind.True));

    private static MatrixError? FindProblem(JsonElement action) => action.ValueKind switch
    {
        JsonValueKind.String when action.ValueEquals("notify"u8) || IsHistory(action) => null,
        JsonValueKind.String => MatrixError.InvalidParam("An action is notify or sets a tweak."),
        JsonValueKind.Object => action.TryGetProperty("set_tweak"u8, out var tweak)
            && tweak.ValueKind == JsonValueKind.String
            ? null
            : MatrixError.InvalidParam("An action that is an object has a set_tweak."),
        _ => MatrixError.BadJson("An action must be a string or an object."),
    };

    private static bool IsHistory(JsonElement action) =>
        Is(action, "dont_notify") || Is(action, "coalesce");

    private static bool Is(JsonElement action, string name) =>
        action.ValueKind == JsonValueKind.String && action.ValueEquals(name);
}
