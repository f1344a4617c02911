using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>Reads homeserver.yaml as nodes, so that every problem has its line.</summary>
internal static class YamlConfigFile
{
    public static List<GivenValue> Read(string file, List<string> problems)
    {
        var values = new List<GivenValue>();
        var stream = new YamlStream();
        try
        {
            using var reader = new StreamReader(file);
            stream.Load(reader);
        }
        catch (YamlException exception)
        {
            problems.Add($"{file}:{exception.Start.Line}: this is not YAML: {exception.Message}");
            return values;
        }
        catch (InvalidOperationException)
        {
            // What YamlDotNet's scanner makes of some files that end too early.
            problems.Add($"{file}:1: this is not YAML.");
            return values;
        }
        if (stream.Documents.Count == 0)
            return values;
        if (stream.Documents[0].RootNode is not YamlMappingNode root)
        {
            // A file of nothing but comments holds one empty scalar.
            if (stream.Documents[0].RootNode is not YamlScalarNode { Value: null or "" })
                problems.Add($"{file}:1: keys with values are expected: 'server_name: example.org'.");
            return values;
        }
        new Reader(file, values, problems).ReadSection(root, section: null);
        return values;
    }

    private sealed class Reader(string file, List<GivenValue> values, List<string> problems)
    {
        private readonly string _folder = Path.GetDirectoryName(file)!;

        public void ReadSection(YamlMappingNode node, string? section)
        {
            foreach (var (nameNode, valueNode) in node.Children)
            {
                var name = (nameNode as YamlScalarNode)?.Value ?? string.Empty;
                var full = section is null ? name : $"{section}.{name}";
                var place = $"{file}:{nameNode.Start.Line}";
                if (ConfigKeys.Find(full) is { } key)
                    ReadValue(key, valueNode, place);
                else if (section is null && ConfigKeys.All.Any(candidate => candidate.Section == name))
                    ReadSubsection(name, valueNode, place);
                else
                    problems.Add($"{place}: there is no key '{full}'; the nearest is '{NearestKey(full)}'.");
            }
        }

        private void ReadSubsection(string name, YamlNode node, string place)
        {
            if (node is YamlMappingNode section)
                ReadSection(section, name);
            // A section whose keys are all commented out is empty, and fine.
            else if (!IsNull(node))
                problems.Add($"{place}: '{name}' is a section; its keys stand below it, indented: {KeysOf(name)}.");
        }

        private void ReadValue(ConfigKey key, YamlNode node, string place)
        {
            switch (node)
            {
                case YamlScalarNode scalar:
                    string[] items = key.IsList && IsNull(scalar) ? []
                        : ConfigSources.Split(key, IsNull(scalar) ? "" : scalar.Value!);
                    values.Add(new GivenValue(key, new ConfigText(items, _folder), place));
                    break;
                case YamlSequenceNode list when key.IsList && list.Children.All(child => child is YamlScalarNode):
                    var texts = list.Children.Select(child => ((YamlScalarNode)child).Value ?? string.Empty).ToArray();
                    values.Add(new GivenValue(key, new ConfigText(texts, _folder), place));
                    break;
                default:
                    var shape = key.IsList ? "one value or a list of values" : "one value";
                    problems.Add($"{place}: {key.Name}: {shape} is expected; allowed: {key.Allowed}.");
                    break;
            }
        }

        private static bool IsNull(YamlNode node) =>
            node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "null" or "~" };

        private static string NearestKey(string name) =>
            ConfigSources.Nearest(name, ConfigKeys.All.Select(key => key.Name));

        private static string KeysOf(string section) =>
            string.Join(", ", ConfigKeys.All.Where(key => key.Section == section).Select(key => key.Leaf));
    }
}
