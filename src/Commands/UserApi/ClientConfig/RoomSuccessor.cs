using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Commands.UserApi.ClientConfig;

/// <summary>Gives a room the settings of the one that it replaces. Pure.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-upgrades, server behaviour. Copies, so that the old room stays as quiet and as
/// sorted as it was. What the new room has already is the user's later word and stays.
/// </remarks>
public static class RoomSuccessor
{
    private static readonly JsonDocumentOptions AsDeepAsStored = new() { MaxDepth = Limits.AccountDataDepthMax };
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <remarks>Errors: none. What would be larger than is kept is left out.</remarks>
    public static Decision CarryOver(ClientConfigState state, UserId user, RoomId from, RoomId to)
    {
        var facts = ImmutableArray.CreateBuilder<IFact>();
        if (state.RoomIdToTags.TryGetValue(from, out var tags) && !state.RoomIdToTags.ContainsKey(to)
            && RoomTags.HasAny(tags))
        {
            facts.Add(new AccountDataSet(user, to, ClientConfigState.TagType, tags));
        }
        if (state.PushRules is { } stored)
        {
            var before = PushRuleset.For(user, stored.Utf8);
            var after = RoomPushRules.Copy(before, from, to);
            var content = new RawJson(after.ToContent());
            if (!ReferenceEquals(before, after) && content.Utf8.Length <= Limits.PushRulesBytesMax)
                facts.Add(new AccountDataSet(user, null, ClientConfigState.PushRulesType, content));
        }
        if (state.Direct is { } direct && WithSuccessor(direct, from.Value, to.Value) is { } longer
            && longer.Utf8.Length <= Limits.AccountDataBytesMax)
        {
            facts.Add(new AccountDataSet(user, null, ClientConfigState.DirectType, longer));
        }
        return facts.Count == 0 ? Decision.Nothing : Decision.Accept([.. facts]);
    }

    /// <summary>Each list of direct chats that has the old room, with the new one at its end; null where nothing
    /// changes.</summary>
    private static RawJson? WithSuccessor(RawJson direct, string from, string to)
    {
        using var document = JsonDocument.Parse(direct.Utf8, AsDeepAsStored);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            return null;
        var hasChanged = false;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
        {
            writer.WriteStartObject();
            foreach (var member in document.RootElement.EnumerateObject())
            {
                writer.WritePropertyName(member.Name);
                if (!Has(member.Value, from) || Has(member.Value, to))
                {
                    writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(member.Value), skipInputValidation: true);
                    continue;
                }
                hasChanged = true;
                writer.WriteStartArray();
                foreach (var room in member.Value.EnumerateArray())
                    room.WriteTo(writer);
                writer.WriteStringValue(to);
                writer.WriteEndArray();
            }
            writer.WriteEndObject();
        }
        return hasChanged ? new RawJson(buffer.WrittenSpan.ToArray()) : null;
    }

    private static bool Has(JsonElement list, string roomId) =>
        list.ValueKind == JsonValueKind.Array && list.EnumerateArray().Any(
            room => room.ValueKind == JsonValueKind.String && room.ValueEquals(roomId));
}
