using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>A record as an auditor reads it: who, when, what, about whom.</summary>
/// <remarks>
/// Reads records as the JSON that they are, not through the codec, so that it shows facts of any version, and also
/// those that nothing can decode any more.
/// </remarks>
internal sealed class AuditedFact
{
    /// <summary>Secrets stand here as hashes; nobody needs to see even those.</summary>
    private const string SecretCategory = "credentials";

    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    private readonly JsonElement _data;
    private readonly JsonElement _pdu;

    public AuditedFact(LogRecord record)
    {
        Record = record;
        _data = TryParse(record.Data);
        _pdu = _data.TryGetProperty("pdu"u8, out var pdu) && pdu.ValueKind == JsonValueKind.Object ? pdu : Nothing;
        Metadata = TryDecode(record.Metadata);
    }

    public LogRecord Record { get; }

    public FactMetadata? Metadata { get; }

    public bool Passes(HistoryFilter filter) =>
        (filter.Type is null || IsOfType(filter.Type))
        && (filter.Room is null || IsInRoom(filter.Room))
        && (filter.User is null || IsOfUser(filter.User))
        && (filter.Device is null || Metadata?.Actor.Device == filter.Device
            || Text(_data, "device_id") == filter.Device)
        && (filter.Server is null || IsOfServer(filter.Server))
        && (filter.Admin is null || Metadata?.Actor.Admin == filter.Admin);

    public void Write(Utf8JsonWriter json, bool withContent)
    {
        json.WriteStartObject();
        json.WriteNumber("position", Record.Position.Value);
        json.WriteString("time", DateTimeOffset.FromUnixTimeMilliseconds(Record.CreatedMs).ToString("O"));
        json.WriteString("fact", Record.Type);
        json.WriteString("stream", Record.Stream.Value);
        json.WriteNumber("revision", Record.Revision);
        json.WriteString("actor", Actor);
        if (Metadata?.Actor.Device is { } device)
            json.WriteString("device", device);
        if (Metadata is not null)
            json.WriteString("request", Metadata.Correlation);
        json.WriteString("what", Summary());
        if (withContent && !Record.Stream.Category.SequenceEqual(SecretCategory))
        {
            json.WritePropertyName("content");
            _data.WriteTo(json);
        }
        json.WriteEndObject();
    }

    /// <summary>Who caused it, in one word.</summary>
    public string Actor => Metadata?.Actor switch
    {
        null => "unknown",
        { Admin: { } admin } => $"admin {admin}",
        { User: { } user } => user,
        { Server: "self" } => "this server",
        { Server: { } server } => server,
        _ => "unknown",
    };

    /// <summary>What it says, in one line and without any message's content.</summary>
    private string Summary()
    {
        if (_pdu.TryGetProperty("type"u8, out _))
            return PduSummary();
        var words = new List<string>();
        foreach (var member in _data.EnumerateObject())
        {
            if (member.Value.ValueKind is JsonValueKind.String && member.Name is not "password_hash")
                words.Add($"{member.Name}={member.Value.GetString()}");
            else if (member.Name == "arguments" && member.Value.ValueKind == JsonValueKind.Array)
                words.AddRange(member.Value.EnumerateArray().Select(argument => argument.ToString()));
            else if (member.Value.ValueKind is JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number)
                words.Add($"{member.Name}={member.Value.GetRawText()}");
        }
        return string.Join(' ', words);
    }

    private string PduSummary()
    {
        var stateKey = Text(_pdu, "state_key");
        var words = new List<string> { Text(_pdu, "type") ?? "?" };
        if (stateKey is { Length: > 0 })
            words.Add(stateKey);
        if (words[0] == "m.room.member" && _pdu.TryGetProperty("content"u8, out var content)
            && Text(content, "membership") is { } membership)
        {
            words.Add("→ " + membership);
        }
        words.Add("by " + (Text(_pdu, "sender") ?? "?"));
        words.Add(Text(_data, "event_id") ?? "");
        if (Text(_data, "disposition") is { } disposition and not "accepted")
            words.Add($"({disposition}: {Text(_data, "reason") ?? "no reason given"})");
        return string.Join(' ', words);
    }

    private bool IsOfType(string type) =>
        Record.Type.StartsWith(type, StringComparison.Ordinal)
        || Text(_pdu, "type") == type
        || Text(_data, "type") == type;

    private bool IsInRoom(string room) =>
        Record.Stream.Id.SequenceEqual(room) || Text(_data, "room_id") == room;

    private bool IsOfUser(string user) =>
        Metadata?.Actor.User == user
        || Record.Stream.Id.SequenceEqual(user)
        || Text(_data, "user_id") == user
        || Text(_pdu, "sender") == user
        || (Text(_pdu, "type") == "m.room.member" && Text(_pdu, "state_key") == user);

    private bool IsOfServer(string server) =>
        Metadata?.Actor.Server == server
        || Record.Stream.Id.SequenceEqual(server)
        || (Text(_pdu, "sender") is { } sender && sender.EndsWith(":" + server, StringComparison.Ordinal));

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String
            ? member.GetString()
            : null;

    private static JsonElement TryParse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            var json = JsonElement.Parse(utf8.Span, new JsonDocumentOptions { MaxDepth = 256 });
            return json.ValueKind == JsonValueKind.Object ? json : Nothing;
        }
        catch (JsonException)
        {
            return Nothing;
        }
    }

    private static FactMetadata? TryDecode(ReadOnlyMemory<byte> metadata)
    {
        try
        {
            return FactCodec.DecodeMetadata(metadata);
        }
        catch (MalformedFactException)
        {
            return null;
        }
    }
}
