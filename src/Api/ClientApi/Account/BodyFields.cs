using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Takes members out of a request's body; the first that is wrong is the answer.</summary>
/// <remarks>Errors: M_BAD_JSON for a wrong type, M_MISSING_PARAM. A member that is null counts as not given.</remarks>
internal ref struct BodyFields(JsonElement body)
{
    public MatrixError? Error { get; private set; }

    public string? OptionalString(string name)
    {
        if (!TryGet(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString();
        Error ??= MatrixError.BadJson($"{name} must be a string.");
        return null;
    }

    public string RequiredString(string name)
    {
        var value = OptionalString(name);
        if (value is null)
            Error ??= MatrixError.MissingParam($"{name} is missing.");
        return value ?? string.Empty;
    }

    public bool Bool(string name, bool otherwise)
    {
        if (!TryGet(name, out var value))
            return otherwise;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.GetBoolean();
        Error ??= MatrixError.BadJson($"{name} must be true or false.");
        return otherwise;
    }

    public IReadOnlyList<string> RequiredStrings(string name)
    {
        if (!TryGet(name, out var value))
        {
            Error ??= MatrixError.MissingParam($"{name} is missing.");
            return [];
        }
        if (value.ValueKind != JsonValueKind.Array)
        {
            Error ??= MatrixError.BadJson($"{name} must be a list.");
            return [];
        }
        var strings = new List<string>(value.GetArrayLength());
        foreach (var one in value.EnumerateArray())
        {
            if (one.ValueKind == JsonValueKind.String)
                strings.Add(one.GetString()!);
            else
                Error ??= MatrixError.BadJson($"{name} must hold strings only.");
        }
        return strings;
    }

    private readonly bool TryGet(string name, out JsonElement value) =>
        body.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;
}
