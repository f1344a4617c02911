using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Architecture.Tests;

/// <summary>What is easily checked and otherwise creeps in.</summary>
public sealed partial class TidyTests
{
    [Theory]
    [InlineData("src", 500)]
    [InlineData("tests", 1500)]
    public void files_are_short(string folder, int linesMax)
    {
        var wrong = from file in Repository.Sources(folder)
                    let lines = Repository.ReadLines(file).Length
                    where lines > linesMax
                    select $"{file}: {lines} lines";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("src", 120)]
    [InlineData("tests", 150)]
    public void lines_are_short(string folder, int columnsMax)
    {
        var wrong = from file in Repository.Sources(folder)
                    from line in Code(Repository.ReadLines(file))
                    where line.Text.Length > columnsMax
                    select $"{file}:{line.Number}: {line.Text.Length} columns";
        Assert.Empty(wrong);
    }

    [Fact]
    public void nothing_is_left_for_later_without_a_decision_record()
    {
        var wrong = from folder in (string[])["src", "tests"]
                    from file in Repository.Sources(folder)
                    where !file.EndsWith("TidyTests.cs", StringComparison.Ordinal)
                    from line in Repository.ReadLines(file).Select((text, index) => (Text: text, Number: index + 1))
                    where Leftover().IsMatch(line.Text)
                    select $"{file}:{line.Number}: {line.Text.Trim()}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void sources_do_not_end_lines_with_blanks_or_carriage_returns()
    {
        var wrong = from folder in (string[])["src", "tests"]
                    from file in Repository.Sources(folder)
                    let text = Repository.Read(file)
                    where text.Contains('\r') || Blanks().IsMatch(text) || !text.EndsWith('\n')
                    select file;
        Assert.Empty(wrong);
    }

    /// <summary>The lines without what stands in string literals: text is not broken for the sake of columns.</summary>
    private static IEnumerable<(string Text, int Number)> Code(string[] lines)
    {
        var isInRawString = false;
        for (var i = 0; i < lines.Length; i++)
        {
            var quotes = RawQuotes().Count(lines[i]);
            if (!isInRawString && quotes == 0)
                yield return (Literal().Replace(lines[i], "\"\""), i + 1);
            isInRawString ^= quotes % 2 == 1;
        }
    }

    [GeneratedRegex("\"\"\"+")]
    private static partial Regex RawQuotes();

    [GeneratedRegex("""
        "(\\.|[^"\\])*"
        """)]
    private static partial Regex Literal();

    [GeneratedRegex(@"FIXME|XXX:|NotImplementedException|TODO(?!\(adr-\d{4}\))")]
    private static partial Regex Leftover();

    [GeneratedRegex(@"[ \t]+\n")]
    private static partial Regex Blanks();
}
