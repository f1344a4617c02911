using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Matrix.EventSourced.Api.Tests.Configuration;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <summary>The spec's schemas of responses, by endpoint and status.</summary>
internal sealed class ResponseSchemas
{
    private readonly Dictionary<string, JsonElement> _keyToStatuses;

    private ResponseSchemas(Dictionary<string, JsonElement> keyToStatuses) => _keyToStatuses = keyToStatuses;

    public static ResponseSchemas Read()
    {
        var file = Path.Combine(Path.GetDirectoryName(ThisFile())!, "response-schemas.json");
        var all = JsonElement.Parse(File.ReadAllBytes(file));
        var keyToStatuses = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var endpoint in all.EnumerateObject())
        {
            var space = endpoint.Name.IndexOf(' ', StringComparison.Ordinal);
            keyToStatuses.TryAdd(
                SpecEndpoint.KeyOf(endpoint.Name[..space], endpoint.Name[(space + 1)..]), endpoint.Value);
        }
        return new ResponseSchemas(keyToStatuses);
    }

    /// <summary>What is wrong with an answer; that there is no schema for it is wrong, too.</summary>
    public IReadOnlyList<string> FindProblems(string method, string path, int status, JsonElement answer) =>
        _keyToStatuses.TryGetValue(SpecEndpoint.KeyOf(method, path), out var statuses)
        && statuses.TryGetProperty(status.ToString(CultureInfo.InvariantCulture), out var schema)
            ? JsonSchema.FindProblems(schema, answer)
            : ["has no schema"];

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
