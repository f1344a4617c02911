using System.Text;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>
/// Writes what is made from the table of keys: the commented homeserver.yaml, the options of --help,
/// docs/configuration.md.
/// </summary>
internal static class ConfigWriter
{
    private const int Width = 100;

    /// <summary>
    /// A homeserver.yaml with every key commented out at its default, but for those in <paramref name="given"/>.
    /// </summary>
    public static string Yaml(IReadOnlyDictionary<string, string> given)
    {
        var text = new StringBuilder();
        text.Append("""
            # The configuration of this homeserver. Every key is listed; a commented one shows its default.
            # The environment overrides this file (MATRIX__CLIENT__LISTEN=...), the command line overrides both (--client-listen ...).

            """);
        string? section = null;
        foreach (var key in ConfigKeys.All)
        {
            if (key.Section != section)
            {
                section = key.Section;
                text.Append('\n').Append(section).Append(":\n");
            }
            var indent = section is null ? "" : "  ";
            text.Append('\n');
            foreach (var line in Wrap($"{key.Help} Allowed: {key.Allowed}."))
                text.Append(indent).Append("# ").Append(line).Append('\n');
            var isGiven = given.TryGetValue(key.Name, out var value);
            text.Append(indent).Append(isGiven ? "" : "#").Append(key.Leaf).Append(':');
            AppendValue(text, key, indent, isGiven ? value! : key.Default, isGiven ? "" : "#");
        }
        return text.ToString();
    }

    /// <summary>The options part of --help.</summary>
    public static string Help()
    {
        var text = new StringBuilder();
        foreach (var key in ConfigKeys.All)
        {
            text.Append("  ").Append(key.Flag).Append(key.IsList ? " VALUE,..." : " VALUE").Append('\n');
            foreach (var line in Wrap(key.Help))
                text.Append("      ").Append(line).Append('\n');
            text.Append("      Allowed: ").Append(key.Allowed).Append('.');
            if (key.Default.Length is > 0 and < 60)
                text.Append(" Default: ").Append(key.Default).Append('.');
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>docs/configuration.md.</summary>
    public static string Markdown()
    {
        var text = new StringBuilder();
        text.Append("""
            # Configuration

            This page is generated from the table of keys (`src/Api/Configuration/ConfigKeys.cs`); a test keeps it current.

            Each key can be set in three places. The command line wins over the environment, the environment over the file,
            the file over the default.

            | place | example |
            |---|---|
            | `homeserver.yaml` in the data folder, or the file of `--config FILE` | `client:` and below it `  listen: http://127.0.0.1:8008` |
            | environment: section and key joined by two underscores | `MATRIX__CLIENT__LISTEN=http://127.0.0.1:8008` |
            | command line: section and key joined by a dash | `--client-listen http://127.0.0.1:8008` |

            A list is a YAML list in the file, and separated by commas elsewhere. Relative paths in the file count from the file's
            folder, others from the current one. Unknown keys and values that are not allowed are refused at start, with the place and
            what is allowed. `generate-config` prints a file with every key and its default.

            """);
        string? section = "";
        foreach (var key in ConfigKeys.All)
        {
            if (key.Section != section)
            {
                section = key.Section;
                text.Append("\n## ").Append(section
                    ?? "General").Append("\n\n| key | allowed | default | meaning |\n|---|---|---|---|\n");
            }
            var type = key.IsList ? $"a list of: {key.Allowed}" : key.Allowed;
            var value = key.Default.Length == 0 ? "not set" : $"`{key.Default}`";
            text.Append("| `").Append(key.Name).Append("` | ").Append(type).Append(" | ").Append(value).Append(" | ")
                .Append(key.Help).Append(" |\n");
        }
        return text.ToString();
    }

    private static void AppendValue(StringBuilder text, ConfigKey key, string indent, string value, string comment)
    {
        if (!key.IsList)
        {
            text.Append(value.Length == 0 ? "" : " ").Append(Quote(value)).Append('\n');
            return;
        }
        text.Append(value.Length == 0 ? " []" : "").Append('\n');
        foreach (var item in ConfigSources.Split(key, value))
            text.Append(indent).Append(comment).Append("  - ").Append(Quote(item)).Append('\n');
    }

    /// <summary>Quoted where plain YAML would read something else.</summary>
    private static string Quote(string value) =>
        value.Length > 0 && (!char.IsAsciiLetterOrDigit(value[0]) || value.Contains(": ") || value.Contains(" #"))
            ? $"'{value.Replace("'", "''", StringComparison.Ordinal)}'"
            : value;

    private static IEnumerable<string> Wrap(string text)
    {
        var line = new StringBuilder();
        foreach (var word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + word.Length + 1 > Width)
            {
                yield return line.ToString();
                line.Clear();
            }
            line.Append(line.Length == 0 ? "" : " ").Append(word);
        }
        yield return line.ToString();
    }
}
