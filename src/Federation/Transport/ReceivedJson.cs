using System.Text.Json;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Reads members of what other servers send; null for what is missing or something else.</summary>
public static class ReceivedJson
{
    public static string? Text(JsonElement content, string name) =>
        content.ValueKind == JsonValueKind.Object && content.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : null;

    public static long? Number(JsonElement content, string name) =>
        content.ValueKind == JsonValueKind.Object && content.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
                ? number
                : null;
}
