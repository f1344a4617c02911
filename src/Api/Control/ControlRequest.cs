using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Control;

/// <summary>A command of the program, as it goes over the control socket.</summary>
/// <remarks>Shape: Words as on the command line, without the verb; By is the name of the operating system's
/// user.</remarks>
internal sealed record ControlRequest(ImmutableArray<string> Words, string By)
{
    public static ControlRequest? Read(JsonElement body)
    {
        if (!body.TryGetProperty("words"u8, out var words) || words.ValueKind != JsonValueKind.Array
            || !body.TryGetProperty("by"u8, out var by) || by.ValueKind != JsonValueKind.String)
        {
            return null;
        }
        var read = ImmutableArray.CreateBuilder<string>();
        foreach (var word in words.EnumerateArray())
        {
            if (word.ValueKind != JsonValueKind.String)
                return null;
            read.Add(word.GetString()!);
        }
        return new ControlRequest(read.ToImmutable(), by.GetString()!);
    }

    public ReadOnlyMemory<byte> Write() => ControlLines.Json(json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("words");
        foreach (var word in Words)
            json.WriteStringValue(word);
        json.WriteEndArray();
        json.WriteString("by", By);
        json.WriteEndObject();
    });

    public static readonly MatrixError Malformed = MatrixError.BadJson("A control request has words and by.");
}
