using System.Runtime.CompilerServices;
using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.Tests.Configuration;

public sealed class GeneratedDocsTests
{
    [Fact]
    public void the_page_of_all_keys_is_current()
    {
        var page = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../docs/configuration.md"));
        // ./dev docs writes the page; a test run only compares.
        if (Environment.GetEnvironmentVariable("MATRIX_WRITE_DOCS") == "1")
            File.WriteAllText(page, ConfigWriter.Markdown());
        Assert.Equal(ConfigWriter.Markdown(), File.ReadAllText(page));
    }

    [Fact]
    public void every_key_has_one_flag_and_one_variable()
    {
        Assert.Distinct(ConfigKeys.All.Select(key => key.Flag));
        Assert.Distinct(ConfigKeys.All.Select(key => key.Variable));
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
