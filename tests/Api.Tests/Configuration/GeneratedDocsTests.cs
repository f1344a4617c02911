using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Configuration;

public sealed class GeneratedDocsTests
{
    [Fact]
    public void the_page_of_all_keys_is_current() => Check("configuration.md", ConfigWriter.Markdown());

    [Fact]
    public void the_page_of_all_endpoints_is_current() => Check("endpoints.md", Endpoints());

    [Fact]
    public void the_page_of_the_specs_coverage_is_current() => Check("spec-coverage.md", SpecCoverage.Page(Spec()));

    [Fact]
    public void every_endpoint_of_ours_with_an_anchor_is_one_of_the_spec() =>
        Assert.Empty(SpecCoverage.Unknown(Spec()));

    [Fact]
    public void every_key_has_one_flag_and_one_variable()
    {
        Assert.Distinct(ConfigKeys.All.Select(key => key.Flag));
        Assert.Distinct(ConfigKeys.All.Select(key => key.Variable));
    }

    // ./dev docs writes the pages; a test run only compares.
    private static void Check(string page, string content)
    {
        var path = PathOf(page);
        if (Environment.GetEnvironmentVariable("MATRIX_WRITE_DOCS") == "1")
            File.WriteAllText(path, content);
        Assert.Equal(content, File.ReadAllText(path));
    }

    private static IReadOnlyList<SpecEndpoint> Spec() => SpecEndpoint.ReadAll(PathOf("spec-endpoints.tsv"));

    private static string PathOf(string page) =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../docs", page));

    private static string Endpoints()
    {
        var text = new StringBuilder();
        text.Append("""
            # Endpoints

            This page is generated from the tables of both listeners; a test keeps it current. Paths under `/_matrix/client/v3/` answer under
            `/_matrix/client/r0/` too; every path answers OPTIONS, and HEAD where it answers GET. Unknown paths are 404
            `M_UNRECOGNIZED`, other methods 405 `M_UNRECOGNIZED`.

            """);
        Append(text, "Client API", Composition.ClientEndpoints());
        Append(text, "Federation API", Composition.FederationEndpoints());
        return text.ToString();
    }

    private static void Append(StringBuilder text, string title, EndpointTable table)
    {
        text.Append("\n## ").Append(title).Append(
            "\n\n| method | path | token | rate limit | spec |\n|---|---|---|---|---|\n");
        var specs = table.Entries.Select(entry => entry.Spec);
        foreach (var spec in specs.OrderBy(spec => spec.Path, StringComparer.Ordinal).ThenBy(spec =>
            spec.Method, StringComparer.Ordinal))
        {
            var token = spec.Auth switch
            {
                AuthKind.None => "none",
                AuthKind.OptionalAccessToken => "optional",
                _ => spec.GuestsAllowed ? "user or guest" : "user",
            };
            var rate = spec.Rate == RateClass.None ? "none" : spec.Rate.ToString();
            var anchor = spec.SpecAnchor.StartsWith("none#", StringComparison.Ordinal) ? "ours"
                : $"`{spec.SpecAnchor}`";
            text.Append(
                CultureInfo.InvariantCulture, $"| {spec.Method} | `{spec.Path}` | {token} | {rate} | {anchor} |\n");
        }
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
