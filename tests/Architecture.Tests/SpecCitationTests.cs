using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Architecture.Tests;

/// <summary>What comments cite of the spec is there, and what is public in the kernel says what it is.</summary>
public sealed partial class SpecCitationTests
{
    private static readonly string[] Anchors = Repository.ReadLines("docs/spec-anchors.txt");

    [Fact]
    public void every_cited_heading_exists_in_the_pinned_spec()
    {
        var wrong = new List<string>();
        var count = 0;
        foreach (var file in Repository.Sources("src"))
        {
            // A citation may go over the end of a comment's line.
            var text = CommentBreak().Replace(Repository.Read(file), " ");
            foreach (var citation in Citation().Matches(text).Select(match => match.Groups[1].Value))
            {
                string? document = null;
                foreach (Match word in DocumentOrHeading().Matches(citation))
                {
                    if (word.Groups[1].Success)
                        document = word.Value;
                    else if (document is not null && ++count > 0 && !Exists(document, word.Value))
                        wrong.Add($"{file}: {document}{word.Value}");
                }
            }
        }
        Assert.Empty(wrong);
        Assert.True(count > 100, $"Only {count} citations were found: the pattern no longer fits how they are written.");
    }

    [Fact]
    public void every_public_type_of_the_kernel_has_a_summary()
    {
        var wrong = new List<string>();
        foreach (var file in Repository.Sources("src/Protocol"))
        {
            var lines = Repository.ReadLines(file);
            for (var i = 0; i < lines.Length; i++)
            {
                if (PublicType().IsMatch(lines[i]) && !IsDocumented(lines, i))
                    wrong.Add($"{file}:{i + 1}: {lines[i].Trim()}");
            }
        }
        Assert.Empty(wrong);
    }

    /// <summary><c>rooms/v*</c> means every room version: it is enough that one has the heading.</summary>
    private static bool Exists(string document, string heading) => document.EndsWith('*')
        ? Anchors.Any(anchor => anchor.StartsWith(document[..^1], StringComparison.Ordinal)
            && anchor.EndsWith(heading, StringComparison.Ordinal))
        : Anchors.Contains(document + heading);

    private static bool IsDocumented(string[] lines, int line)
    {
        var above = line - 1;
        while (above >= 0 && (lines[above].TrimStart().StartsWith('[') || lines[above].TrimStart().StartsWith("//")
            && !lines[above].TrimStart().StartsWith("///", StringComparison.Ordinal)))
        {
            above--;
        }
        // The other parts of a partial type say what they are with <content>, or nothing.
        return (above >= 0 && lines[above].TrimStart().StartsWith("///", StringComparison.Ordinal))
            || lines[line].Contains(" partial ", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\r?\n\s*///\s?")]
    private static partial Regex CommentBreak();

    [GeneratedRegex(@"Spec: v1\.19 (.*?)(?=\. |</|\n|$)")]
    private static partial Regex Citation();

    [GeneratedRegex(@"(client-server-api|server-server-api|appendices|application-service-api|push-gateway-api|rooms/v[\d*]+)|(#[\w-]+)")]
    private static partial Regex DocumentOrHeading();

    [GeneratedRegex(@"^\s*public\s+(?:static\s+|sealed\s+|abstract\s+|readonly\s+|partial\s+)*(?:class|record|struct|interface|enum)\s")]
    private static partial Regex PublicType();
}
