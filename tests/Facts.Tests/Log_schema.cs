using System.Runtime.CompilerServices;
using System.Text;
using Matrix.EventSourced.Facts.Schema;

namespace Matrix.EventSourced.Facts.Tests;

public sealed class Log_schema
{
    [Fact]
    public void every_row_describes_exactly_the_members_that_are_stored()
    {
        foreach (var row in FactSchema.All)
        {
            var described = row.Fields.Select(field => field.Name).Order(StringComparer.Ordinal);
            var stored = row.TypeInfo is { } info
                ? info.Properties.Select(property => property.Name)
                : typeof(Roomserver.PduRecorded).GetProperties().Where(property => property.CanWrite).Select(SnakeCase);
            Assert.Equal(stored.Order(StringComparer.Ordinal), described);
        }
    }

    [Fact]
    public void full_sample_of_every_fact_holds_every_member()
    {
        foreach (var row in FactSchema.All)
        {
            var data = FactCodec.Encode(Samples.All.Single(sample => sample.File == $"{row.Name}.full").Fact).Data;
            using var document = System.Text.Json.JsonDocument.Parse(data);
            Assert.Equal(
                row.Fields.Select(field => field.Name).Order(StringComparer.Ordinal),
                document.RootElement.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void names_say_component_fact_and_version_and_stand_in_one_row_each()
    {
        var names = typeof(FactNames).GetFields().Select(field => (string)field.GetRawConstantValue()!).ToList();

        Assert.Equal(
            names.Order(StringComparer.Ordinal), FactSchema.All.Select(row => row.Name).Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Matches("^[a-z]+\\.[a-z_]+\\.v[1-9][0-9]*$", name));
    }

    /// <summary>The page is written again when it is out of date, and the test fails once, so that the change is looked
    /// at.</summary>
    [Fact]
    public void page_of_the_log_schema_is_current()
    {
        var path = Path.Combine(Root(), "docs", "log-schema.md");
        var actual = LogSchemaPage.Write();
        var current = File.Exists(path) ? File.ReadAllText(path) : null;
        if (current == actual)
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, actual);
        Assert.Fail($"{path} was out of date and has been written again: look at the difference and keep it.");
    }

    private static string SnakeCase(System.Reflection.PropertyInfo property) =>
        System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
