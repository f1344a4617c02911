using System.Text;
using System.Text.Json;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Keeps some members of an event: the filter's <c>event_fields</c>.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #filtering (Filter.event_fields). Shape: paths divided by dots; a literal dot is
/// <c>\.</c>, a literal backslash <c>\\</c>.
/// </remarks>
internal static class FieldSelection
{
    public static void Write(Utf8JsonWriter writer, JsonElement source, string[] fields)
    {
        var paths = new List<List<string>>(fields.Length);
        foreach (var field in fields)
            paths.Add(Split(field));
        WriteObject(writer, source, paths, 0);
    }

    private static void WriteObject(Utf8JsonWriter writer, JsonElement source, List<List<string>> paths, int depth)
    {
        writer.WriteStartObject();
        foreach (var member in source.EnumerateObject())
        {
            var inside = paths.FindAll(path => path.Count > depth && path[depth] == member.Name);
            if (inside.Count == 0)
                continue;
            if (inside.Exists(path => path.Count == depth + 1))
            {
                member.WriteTo(writer);
            }
            else if (member.Value.ValueKind == JsonValueKind.Object)
            {
                writer.WritePropertyName(member.Name);
                WriteObject(writer, member.Value, inside, depth + 1);
            }
        }
        writer.WriteEndObject();
    }

    internal static List<string> Split(string field)
    {
        var parts = new List<string>();
        var part = new StringBuilder();
        for (var index = 0; index < field.Length; index++)
        {
            var character = field[index];
            if (character == '\\' && index + 1 < field.Length && field[index + 1] is '.' or '\\')
            {
                part.Append(field[++index]);
            }
            else if (character == '.')
            {
                parts.Add(part.ToString());
                part.Clear();
            }
            else
            {
                part.Append(character);
            }
        }
        parts.Add(part.ToString());
        return parts;
    }
}
