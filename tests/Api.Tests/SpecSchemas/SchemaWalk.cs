using System.Text.Json;
using Matrix.EventSourced.Api.Tests.Configuration;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <summary>Calls endpoints and checks their answers against the spec; remembers which were checked.</summary>
internal sealed class SchemaWalk(TestHomeserver server)
{
    private readonly ResponseSchemas _schemas = ResponseSchemas.Read();
    private readonly List<string> _problems = [];

    /// <summary>Endpoints with a checked answer, as <see cref="SpecEndpoint.KeyOf"/> says them.</summary>
    public HashSet<string> Checked { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Sends a request to an endpoint and checks its answer.</summary>
    /// <param name="endpoint">Method and template: <c>GET /_matrix/client/v3/rooms/{roomId}/state</c>.</param>
    /// <param name="user">Whose token; null for none.</param>
    /// <param name="values">The values of the template's parameters, in their order; a last one may hold the query,
    /// from its question mark on.</param>
    /// <param name="body">The request's body.</param>
    /// <param name="status">What must come back.</param>
    public async Task<JsonElement> CallAsync(
        string endpoint, TestUser? user, string[]? values = null, string? body = null, int status = 200)
    {
        var space = endpoint.IndexOf(' ', StringComparison.Ordinal);
        var (method, template) = (endpoint[..space], endpoint[(space + 1)..]);
        var reply = await server.SendAsync(method, Fill(template, values ?? []), user?.Token, body);
        if (reply.Status != status)
            _problems.Add($"{endpoint}: {reply.Status} instead of {status}: {reply.Text}");
        var answer = reply.Json;
        foreach (var problem in _schemas.FindProblems(method, template, reply.Status, answer))
            _problems.Add($"{endpoint} {reply.Status} {problem}: {reply.Text}");
        Checked.Add(SpecEndpoint.KeyOf(method, template));
        return answer;
    }

    private static string Fill(string template, string[] values)
    {
        var next = 0;
        var segments = template.Split('/').Select(segment =>
            segment.StartsWith('{') ? Uri.EscapeDataString(values[next++]) : segment).ToArray();
        return string.Join('/', segments) + (next < values.Length ? values[next] : string.Empty);
    }
}
