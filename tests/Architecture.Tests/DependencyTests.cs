using System.Xml.Linq;

namespace Matrix.EventSourced.Architecture.Tests;

/// <summary>The table of docs/architecture.md, "Who may reference whom": a project file that says more fails.</summary>
public sealed class DependencyTests
{
    private static readonly Dictionary<string, (string[] Projects, string[] Packages)> Allowed = new()
    {
        ["Protocol"] = ([], ["NSec.Cryptography"]),
        ["EventStore"] = (
            [],
            [
                "Microsoft.Data.Sqlite", "SQLitePCLRaw.*", "Microsoft.Extensions.Logging.Abstractions",
                "Google.Protobuf", "Grpc.*",
            ]),
        ["Facts"] = (["Protocol"], []),
        ["Commands"] = (
            ["Protocol", "EventStore", "Facts"],
            ["MediatR", "FluentValidation", "NSec.Cryptography", "Microsoft.Extensions.Logging.Abstractions"]),
        ["Projections"] = (
            ["Protocol", "EventStore", "Facts", "DistributedLock.Core"],
            ["Marten", "Npgsql", "Microsoft.Extensions.*"]),
        ["Media"] = (["Protocol"], ["AngleSharp", "NetVips", "NetVips.Native.*"]),
        ["Federation"] = (["Protocol", "EventStore", "Facts", "Commands", "Projections", "Media"], ["DnsClient", "Microsoft.IdentityModel.JsonWebTokens"]),
        ["Api"] = (
            ["Protocol", "EventStore", "Facts", "Commands", "Projections", "Media", "Federation"], ["YamlDotNet"]),
        ["DistributedLock.Core"] = ([], []),
    };

    [Fact]
    public void projects_reference_only_what_the_table_allows()
    {
        var wrong = new List<string>();
        foreach (var file in Repository.Sources("src", "*.csproj"))
        {
            var name = Path.GetFileNameWithoutExtension(file);
            var (projects, packages) = Allowed[name];
            var xml = XDocument.Load(Path.Combine(Repository.Root, file));
            foreach (var reference in xml.Descendants("ProjectReference").Select(Include))
            {
                if (!projects.Contains(Path.GetFileNameWithoutExtension(reference.Replace('\\', '/'))))
                    wrong.Add($"{name} references {reference}");
            }
            foreach (var package in xml.Descendants("PackageReference").Select(Include))
            {
                if (!packages.Any(pattern => Matches(package, pattern)))
                    wrong.Add($"{name} references the package {package}");
            }
        }
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("src/Protocol", "Microsoft.Extensions", "System.Net.Http", "System.IO.File")]
    [InlineData("src/EventStore", "Matrix.EventSourced.Protocol", "Matrix.EventSourced.Facts")]
    [InlineData("src/Facts", "Microsoft.Extensions.Logging")]
    [InlineData("src/Commands", "Npgsql", "Marten", "Matrix.EventSourced.Projections", "Microsoft.AspNetCore")]
    [InlineData("src/Projections", "MediatR", "Matrix.EventSourced.Commands", "Microsoft.AspNetCore")]
    public void sources_do_not_use_what_their_project_must_not_know(string folder, params string[] forbidden)
    {
        var wrong = from file in Repository.Sources(folder)
                    from line in Repository.ReadLines(file)
                    where line.StartsWith("using ", StringComparison.Ordinal)
                    where forbidden.Any(name => line.Contains(name, StringComparison.Ordinal))
                    select $"{file}: {line}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void only_the_composition_names_engines()
    {
        var wrong = from folder in (string[])["src/Commands", "src/Projections", "src/Federation", "src/Api"]
                    from file in Repository.Sources(folder)
                    where !file.StartsWith("src/Api/Composition/", StringComparison.Ordinal)
                    where Repository.Read(file).Contains("EventStore.Embedded", StringComparison.Ordinal)
                        || Repository.Read(file).Contains("EventStore.EventStoreDb", StringComparison.Ordinal)
                        || Repository.Read(file).Contains("EventStore.InMemory", StringComparison.Ordinal)
                    select file;
        Assert.Empty(wrong);
    }

    private static string Include(XElement element) => element.Attribute("Include")!.Value;

    private static bool Matches(string package, string pattern) => pattern.EndsWith('*')
        ? package.StartsWith(pattern[..^1], StringComparison.Ordinal)
        : package == pattern;
}
