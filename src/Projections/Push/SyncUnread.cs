using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>The unread counts of a sync: of every room that it shows, and of rooms whose counts alone changed.
/// </summary>
/// <remarks>
/// Spec: v1.19 client-server-api #receiving-notifications: a count stands in the same answer as the event that changed
/// it.
/// Requires: runs after the parts that bring rooms into the answer.
/// Cost: a look into memory per joined room; one round trip where a room is shown or may have changed.
/// </remarks>
public sealed class SyncUnread(LiveUnread live, LiveEdus edus, PushQueries queries, IProjectionGate gate) : ISyncPart
{
    public async ValueTask AddAsync(
        SyncRequest request,
        Lazy<List<UserMembership>> joined,
        SyncAnswer answer,
        CancellationToken cancellationToken)
    {
        // First: what the live view of counts has not heard of yet would be taken for no news.
        await gate.WaitForAsync(PushProjection.Gate, new((ulong)answer.NextBatch), cancellationToken);
        var shown = answer.Joined.ConvertAll(room => room.RoomId).ToHashSet(StringComparer.Ordinal);
        var ranges = new List<EduRange>();
        foreach (var membership in joined.Value)
        {
            var room = membership.RoomId;
            var after = request.Since is { } since && membership.Since <= since ? since : 0;
            if (shown.Contains(room))
                ranges.Add(new(room, after));
            else if (after > 0 && request.Filter.PassesRoom(room)
                && (live.MayHaveNews(room, after) || edus.MayHaveRoomNews(room, after)))
            {
                ranges.Add(new(room, after));
            }
        }
        if (ranges.Count == 0)
            return;
        foreach (var unread in await queries.CountAsync(
            request.User.Value, ranges, answer.NextBatch, request.Ignored, cancellationToken))
        {
            if (!shown.Contains(unread.RoomId) && !unread.HasChanged)
                continue;
            answer.JoinedRoomIds.Add(unread.RoomId);
            answer.RoomFor(unread.RoomId)!.Unread = unread.Counts;
        }
    }
}
