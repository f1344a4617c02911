using System.Collections;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>
/// Reads values from the command line and the environment; what is not known is a problem that names the nearest key.
/// </summary>
internal static class ConfigSources
{
    public static List<GivenValue> FromCommandLine(
        IReadOnlyList<string> arguments,
        string currentFolder,
        List<string> problems,
        out string? file)
    {
        var values = new List<GivenValue>();
        file = null;
        for (var i = 0; i < arguments.Count; i++)
        {
            var (flag, value) = arguments[i].IndexOf('=', StringComparison.Ordinal) is > 0 and var equals
                ? (arguments[i][..equals], arguments[i][(equals + 1)..])
                : (arguments[i], null);
            var key = ConfigKeys.All.FirstOrDefault(candidate => candidate.Flag == flag);
            if (key is null && flag != ConfigLoader.FileFlag)
            {
                var nearest = Nearest(flag, ConfigKeys.All.Select(candidate => candidate.Flag));
                problems.Add($"{flag}: there is no such option; the nearest is {nearest}. See --help.");
                // Its value, if it has one, is not an option of its own.
                if (value is null && i + 1 < arguments.Count
                    && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal))
                    i++;
                continue;
            }
            if (value is null && ++i >= arguments.Count)
            {
                problems.Add($"{flag}: a value is needed; allowed: {key?.Allowed ?? "the path of a file"}.");
                break;
            }
            value ??= arguments[i];
            if (key is null)
                file = Path.GetFullPath(value, currentFolder);
            else
                values.Add(new GivenValue(key, new ConfigText(Split(key, value), currentFolder), flag));
        }
        return values;
    }

    public static List<GivenValue> FromEnvironment(IDictionary environment, string currentFolder, List<string> problems)
    {
        var values = new List<GivenValue>();
        // First, so that the key's own variable counts where both are set.
        foreach (var key in ConfigKeys.All)
        {
            if (key.OtherVariable is { } other && environment[other] is string { Length: > 0 } text)
                values.Add(new GivenValue(key, new ConfigText(Split(key, text), currentFolder), other));
        }
        var names =
            environment.Keys.Cast<string>().Where(name => name.StartsWith("MATRIX__", StringComparison.Ordinal));
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            var key = ConfigKeys.All.FirstOrDefault(candidate => candidate.Variable == name);
            if (key is null)
            {
                var nearest = Nearest(name, ConfigKeys.All.Select(candidate => candidate.Variable));
                problems.Add($"{name}: there is no such key; the nearest is {nearest}.");
                continue;
            }
            var value = (string?)environment[name] ?? string.Empty;
            values.Add(new GivenValue(key, new ConfigText(Split(key, value), currentFolder), name));
        }
        return values;
    }

    /// <summary>The items of a list that stands on one line; a key that is no list keeps its commas.</summary>
    public static string[] Split(ConfigKey key, string value) => key.IsList
        ? value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        : [value];

    /// <summary>The candidate with the fewest edits to what was written.</summary>
    public static string Nearest(string written, IEnumerable<string> candidates) =>
        candidates.MinBy(candidate => Edits(written, candidate)) ?? string.Empty;

    private static int Edits(string left, string right)
    {
        var previous = new int[right.Length + 1];
        for (var j = 0; j <= right.Length; j++)
            previous[j] = j;
        for (var i = 1; i <= left.Length; i++)
        {
            var current = new int[right.Length + 1];
            current[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var change = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                current[j] = Math.Min(change, 1 + Math.Min(previous[j], current[j - 1]));
            }
            previous = current;
        }
        return previous[right.Length];
    }
}
