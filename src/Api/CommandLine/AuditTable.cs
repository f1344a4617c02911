using System.Text.Json;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Shows an audit's lines: as they are, or as text that a person can read.</summary>
/// <remarks>Exit codes: 0 answered, 1 when a verification found something or there was nothing to show.</remarks>
internal sealed class AuditTable(TextWriter output, TextWriter progress, bool isJson)
{
    private int _lines;
    private bool _hasFailed;

    public void Write(string line)
    {
        var json = JsonElement.Parse(line);
        if (json.TryGetProperty("progress"u8, out var told))
        {
            progress.WriteLine($"  … {told.GetString()}");
            return;
        }
        _lines++;
        if (json.TryGetProperty("problem"u8, out _))
            _hasFailed = true;
        output.WriteLine(isJson ? line : Readable(json));
    }

    public int Finish()
    {
        if (_lines == 0)
            output.WriteLine(isJson ? "" : "Nothing found.");
        return _hasFailed || _lines == 0 ? 1 : 0;
    }

    private static string Readable(JsonElement json)
    {
        if (json.TryGetProperty("problem"u8, out var problem))
            return $"WRONG  {Text(json, "place")}: {problem.GetString()}";
        if (json.TryGetProperty("ok"u8, out var ok))
        {
            return ok.GetBoolean()
                ? $"All is well: {Text(json, "facts")} facts, {Text(json, "state_roots")} state roots, {Text(json, "blobs")} blobs"
                    + (json.GetProperty("tables_checked"u8).GetBoolean() ? ", all tables." : ".")
                : $"{Text(json, "findings")} findings in {Text(json, "facts")} facts.";
        }
        if (json.TryGetProperty("room_version"u8, out _))
        {
            return $"{Text(json, "room")} (version {Text(json, "room_version")}) at position {Text(json, "position")}: "
                + $"{Text(json, "entries")} entries, root {Text(json, "state_root")}"
                + (json.GetProperty("root_holds"u8).GetBoolean() ? "" : "  WRONG: the log names another root");
        }
        return json.TryGetProperty("since"u8, out _) ? ReadableEntry(json)
            : json.TryGetProperty("caused_by"u8, out _) ? ReadableChange(json)
            : ReadableFact(json);
    }

    private static string ReadableEntry(JsonElement json) =>
        $"{Text(json, "since"),10}  {Text(json, "type"),-28} {Text(json, "state_key"),-30} "
        + $"{Text(json, "membership"),-7} {Text(json, "event_id")} by {Text(json, "sender")}{Content(json)}";

    private static string ReadableChange(JsonElement json) =>
        $"{Text(json, "position"),10}  {Time(json)}  {Text(json, "type"),-28} {Text(json, "state_key"),-30} "
        + $"{Text(json, "before"),-45} → {Text(json, "after")} by {Text(json, "actor")}";

    private static string ReadableFact(JsonElement json) =>
        $"{Text(json, "position"),10}  {Time(json)}  {Text(json, "actor"),-28} {Text(json, "fact"),-34} "
        + $"{Text(json, "what")}{Content(json)}";

    private static string Content(JsonElement json) =>
        json.TryGetProperty("content"u8, out var content) ? "\n            " + content.GetRawText() : "";

    private static string Time(JsonElement json) =>
        Text(json, "time") is { Length: >= 19 } time ? time[..19] + "Z" : "";

    private static string Text(JsonElement json, string name) => json.TryGetProperty(name, out var member)
        ? member.ValueKind switch
        {
            JsonValueKind.String => member.GetString()!,
            JsonValueKind.Null => "-",
            _ => member.GetRawText(),
        }
        : "";
}
