using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>The way to a property of an event: <c>content.m\.relates_to.rel_type</c>.</summary>
/// <remarks>
/// Spec: v1.19 appendices #dot-separated-property-paths. A dot or a backslash inside a name is escaped with a
/// backslash; any other backslash stands for itself.
/// </remarks>
public sealed class PropertyPath
{
    private readonly ImmutableArray<string> _names;

    private PropertyPath(ImmutableArray<string> names) => _names = names;

    public static PropertyPath Parse(string path)
    {
        var names = ImmutableArray.CreateBuilder<string>();
        var name = new StringBuilder();
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] == '\\' && i + 1 < path.Length && path[i + 1] is '.' or '\\')
            {
                name.Append(path[++i]);
            }
            else if (path[i] == '.')
            {
                names.Add(name.ToString());
                name.Clear();
            }
            else
            {
                name.Append(path[i]);
            }
        }
        names.Add(name.ToString());
        return new PropertyPath(names.ToImmutable());
    }

    /// <summary>The property's value, or null where an object on the way is missing.</summary>
    public JsonElement? Find(JsonElement holder)
    {
        foreach (var name in _names)
        {
            if (holder.ValueKind != JsonValueKind.Object || !holder.TryGetProperty(name, out holder))
                return null;
        }
        return holder;
    }
}
