using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Architecture.Tests;

/// <summary>What comments cite of the spec is there, and what is public in the kernel says what it is.</summary>
public sealed partial class SpecCitationTests
{
    private static readonly string[] Anchors = Repository.ReadLines("docs/spec-anchors.txt");

    [Fact]
    public void every_citation_names_a_page_and_headings_that_the_pinned_spec_has()
    {
        var wrong = new List<string>();
        foreach (var file in Repository.Sources("src"))
        {
            // A citation may go over the end of a comment's line.
            var text = CommentBreak().Replace(Repository.Read(file), " ");
            foreach (var citation in Citation().Matches(text).Select(match => match.Groups[1].Value))
                wrong.AddRange(ProblemsOf(citation).Select(problem => $"{file}: {problem} in '{citation}'"));
        }
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("server-server-api #pdus; rooms/v* #event-format.", true)]
    [InlineData("v1.19 rooms/v12 #definitions, #algorithm, step 1.", true)]
    [InlineData("#pdus.", false)]
    [InlineData("server-server-api.", false)]
    [InlineData("server-server-api #nothing-of-the-kind.", false)]
    [InlineData("as before.", false)]
    public void citation_is_good_when_each_of_its_headings_exists_on_its_page(string citation, bool isGood) =>
        Assert.Equal(isGood, !ProblemsOf(citation).Any());

    [Fact]
    public void every_public_type_of_the_kernel_says_what_it_is_and_how_it_is_used()
    {
        // Of the parts of a partial type one is enough; the cases of a closed result need no more than a sentence.
        var typeToDoc = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Repository.Sources("src/Protocol"))
        {
            var lines = Repository.ReadLines(file);
            for (var i = 0; i < lines.Length; i++)
            {
                if (PublicType().Match(lines[i]) is not { Success: true } type)
                    continue;
                var isPartial = lines[i].Contains(" partial ", StringComparison.Ordinal);
                var name = isPartial ? $"partial {type.Groups[2].Value}" : $"{file}:{i + 1} {type.Groups[2].Value}";
                var needsRemarks = type.Groups[1].Length == 0 ? "" : "<remarks>";
                typeToDoc[name] = typeToDoc.GetValueOrDefault(name) + DocOf(lines, i) + needsRemarks;
            }
        }

        Assert.Empty(typeToDoc
            .Where(type => !type.Value.Contains("<summary>", StringComparison.Ordinal)
                || !type.Value.Contains("<remarks>", StringComparison.Ordinal))
            .Select(type => type.Key));
        Assert.True(typeToDoc.Count > 60, $"Only {typeToDoc.Count} types were found.");
    }

    private static IEnumerable<string> ProblemsOf(string citation)
    {
        string? page = null;
        var count = 0;
        foreach (Match word in PageOrHeading().Matches(citation))
        {
            if (word.Groups[1].Success)
                page = word.Value;
            else if (page is null)
                yield return $"{word.Value} has no page";
            else if (!Exists(page, word.Value))
                yield return $"{page}{word.Value} does not exist";
            else
                count++;
        }
        if (count == 0)
            yield return "no heading is named";
    }

    /// <summary><c>rooms/v*</c> means every room version: it is enough that one has the heading.</summary>
    private static bool Exists(string document, string heading) => document.EndsWith('*')
        ? Anchors.Any(anchor => anchor.StartsWith(document[..^1], StringComparison.Ordinal)
            && anchor.EndsWith(heading, StringComparison.Ordinal))
        : Anchors.Contains(document + heading);

    private static string DocOf(string[] lines, int line)
    {
        var above = line - 1;
        while (above >= 0 && lines[above].TrimStart().StartsWith('['))
            above--;
        var last = above;
        while (above >= 0 && lines[above].TrimStart().StartsWith("///", StringComparison.Ordinal))
            above--;
        return string.Join('\n', lines[(above + 1)..(last + 1)]);
    }

    [GeneratedRegex(@"\r?\n\s*///\s?")]
    private static partial Regex CommentBreak();

    [GeneratedRegex(@"Spec: (?:v1\.19 )?([^""{}]*?)(?=\. |</|\n|$)")]
    private static partial Regex Citation();

    [GeneratedRegex(@"(client-server-api|server-server-api|identity-service-api|appendices|application-service-api|push-gateway-api|rooms/v[\d*]+|\brooms\b)|(#[\w-]+)")]
    private static partial Regex PageOrHeading();

    [GeneratedRegex(@"^(\s*)public\s+(?:static\s+|sealed\s+|abstract\s+|readonly\s+|ref\s+|partial\s+)*(?:class|interface|enum|record(?:\s+struct)?|struct)\s+(\w+)")]
    private static partial Regex PublicType();
}
