using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Finds the thread that an event is in, by going from event to event.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #threaded-read-receipts: what relates to a thread's event is in the thread, up to
/// three hops; a root, and what relates to it otherwise, is in the main timeline, and may be marked in its thread too.
/// Where the way is lost (a redacted event, one that this server does not have) the client is believed.
/// </remarks>
internal sealed class ThreadWalk(IPduStore pdus)
{
    public async ValueTask<bool> IsInAsync(StoredPdu start, string threadId)
    {
        var current = start;
        for (var hop = 0; hop <= Limits.ThreadHopsMax; hop++)
        {
            if (current.EventId.Value == threadId || current.IsRedacted)
                return true;
            var (type, parent) = RelationOf(current.Json);
            if (type == "m.thread")
                return parent == threadId;
            if (parent is null)
                return threadId == Receipts.MainThread;
            if (!EventId.TryParse(parent, out var parentId))
                return true;
            var found = await pdus.FindAsync([parentId]);
            if (found.Count == 0)
                return true;
            current = found[0];
        }
        return threadId == Receipts.MainThread;
    }

    private static (string? Type, string? Parent) RelationOf(ReadOnlyMemory<byte> pduJson)
    {
        using var document = JsonDocument.Parse(pduJson, new() { MaxDepth = Limits.JsonDepthMax });
        if (!document.RootElement.TryGetProperty("content"u8, out var content)
            || content.ValueKind != JsonValueKind.Object
            || !content.TryGetProperty("m.relates_to"u8, out var relation)
            || relation.ValueKind != JsonValueKind.Object)
            return (null, null);
        return (Text(relation, "rel_type"u8), Text(relation, "event_id"u8));
    }

    private static string? Text(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
