using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Configuration;

/// <summary>An endpoint of the pinned spec, as a line of <c>docs/spec-endpoints.tsv</c> says it.</summary>
internal sealed record SpecEndpoint(
    string Api, string Module, string Method, string Path, string Operation, string Note)
{
    public static IReadOnlyList<SpecEndpoint> ReadAll(string file) =>
    [
        .. File.ReadLines(file).Skip(1).Select(line => line.Split('\t')).Select(columns =>
            new SpecEndpoint(columns[0], columns[1], columns[2], columns[3], columns[4], columns[5])),
    ];

    /// <summary>Method and path without the parameters' names, which the two tables need not share.</summary>
    public string Key => KeyOf(Method, Path);

    public static string KeyOf(string method, string path) =>
        method + " " + Regex.Replace(path, @"\{[^}]*\}", "{}", RegexOptions.CultureInvariant);
}

/// <summary>Makes the page that says which of the spec's endpoints are there.</summary>
internal static partial class SpecCoverage
{
    /// <summary>What other programs serve: we call it, or have nothing to do with it.</summary>
    private static readonly HashSet<string> ServedByOthers =
        ["application-service", "push-gateway", "identity"];

    /// <summary>What only some homeservers are meant to serve; an unknown path is the right answer of the others.</summary>
    private static readonly Dictionary<string, string> NotForUs = new(StringComparer.Ordinal)
    {
        ["POST /_matrix/policy/v1/sign"] = "not served: this is no policy server; it asks those of its rooms",
    };

    private static readonly (string Api, string Title)[] Titles =
    [
        ("client-server", "Client API"),
        ("server-server", "Federation API"),
    ];

    public static string Page(IReadOnlyList<SpecEndpoint> spec)
    {
        var served = Served();
        var text = new StringBuilder();
        text.Append("""
            # Coverage of the spec

            Every endpoint of the spec that a homeserver serves (v1.19), and whether this one does; generated from `spec-endpoints.tsv` and
            the tables of both listeners, and kept current by a test. What application services, push gateways and identity servers
            serve is not listed.

            | API | done | of |
            |---|---|---|

            """);
        foreach (var (api, title) in Titles)
        {
            var rows = spec.Where(endpoint => endpoint.Api == api && endpoint.Note != "removed" && !NotForUs.ContainsKey(endpoint.Key)).ToList();
            text.Append(CultureInfo.InvariantCulture,
                $"| {title} | {rows.Count(endpoint => served.Contains(endpoint.Key))} | {rows.Count} |\n");
        }
        foreach (var (api, title) in Titles)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n## {title}\n\n| module | method | path | |\n|---|---|---|---|\n");
            foreach (var endpoint in spec.Where(endpoint => endpoint.Api == api))
            {
                var note = endpoint.Note.Length == 0 ? string.Empty : $" ({endpoint.Note})";
                var done = served.Contains(endpoint.Key) ? "done" : NotForUs.GetValueOrDefault(endpoint.Key, "not done");
                text.Append(CultureInfo.InvariantCulture,
                    $"| {endpoint.Module} | {endpoint.Method} | `{endpoint.Path}` | {done}{note} |\n");
            }
        }
        return text.ToString();
    }

    /// <summary>Our endpoints under a path of the spec that the spec's table does not know.</summary>
    public static IEnumerable<string> Unknown(IReadOnlyList<SpecEndpoint> spec)
    {
        var known = spec.Where(endpoint => !ServedByOthers.Contains(endpoint.Api)).Select(endpoint => endpoint.Key)
            .ToHashSet(StringComparer.Ordinal);
        return Specs().Where(endpoint => !endpoint.SpecAnchor.StartsWith("none#", StringComparison.Ordinal))
            .Select(endpoint => SpecEndpoint.KeyOf(endpoint.Method, endpoint.Path))
            .Where(key => !known.Contains(key));
    }

    private static HashSet<string> Served() =>
        Specs().Select(endpoint => SpecEndpoint.KeyOf(endpoint.Method, endpoint.Path)).ToHashSet(StringComparer.Ordinal);

    private static IEnumerable<EndpointSpec> Specs() =>
        Composition.ClientEndpoints().Entries.Concat(Composition.FederationEndpoints().Entries)
            .Select(entry => entry.Spec);
}
