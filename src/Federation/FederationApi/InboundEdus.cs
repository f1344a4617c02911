using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Takes one kind of EDU of other servers.</summary>
/// <remarks>Spec: v1.19 server-server-api #edus. What is malformed, or not the sender's to say, is passed over: EDUs
/// have no errors.</remarks>
public interface IInboundEdu
{
    /// <summary>The <c>edu_type</c>.</summary>
    string Type { get; }

    ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement content);
}

/// <summary>Hands EDUs to those who know them.</summary>
public sealed class InboundEdus(IEnumerable<IInboundEdu> kinds)
{
    private readonly Dictionary<string, IInboundEdu> _typeToKind =
        kinds.ToDictionary(kind => kind.Type, StringComparer.Ordinal);

    public async ValueTask TakeAsync(CommandContext context, ServerName origin, JsonElement edu)
    {
        // NOTSPEC: what holds U+0000 is passed over: no table could keep it.
        if (edu.ValueKind == JsonValueKind.Object
            && JsonMarshal.GetRawUtf8Value(edu).IndexOf("\\u0000"u8) < 0
            && edu.TryGetProperty("edu_type"u8, out var type) && type.ValueKind == JsonValueKind.String
            && edu.TryGetProperty("content"u8, out var content) && content.ValueKind == JsonValueKind.Object
            && _typeToKind.TryGetValue(type.GetString()!, out var kind))
        {
            await kind.TakeAsync(context, origin, content);
        }
    }
}
