using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>Typing and receipts of a sync: the <c>ephemeral</c> part of joined rooms.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #typing-notifications, #receipts.
/// Cost: a look into memory, per joined room where any room has news; one round trip where one of them has.
/// </remarks>
public sealed class SyncEphemeral(LiveEdus live, EduReader reader, IProjectionGate gate) : ISyncPart
{
    public async ValueTask AddAsync(
        SyncRequest request,
        Lazy<List<UserMembership>> joined,
        SyncAnswer answer,
        CancellationToken cancellationToken)
    {
        await gate.WaitForAsync(
            EduServerProjection.Gate, new((ulong)answer.NextBatch), cancellationToken);
        // A room that is new to the user stands in the answer.
        if (request.Since is { } since && !live.MayHaveNews(since) && answer.Joined.Count == 0)
            return;
        var filter = request.Filter.Ephemeral;
        var ranges = new List<EduRange>();
        foreach (var membership in joined.Value)
        {
            var room = membership.RoomId;
            if (!request.Filter.PassesRoom(room) || !filter.PassesRoom(room))
                continue;
            var isNew = request.Since is null || membership.Since > request.Since;
            var after = isNew ? 0 : request.Since!.Value;
            if (isNew || live.MayHaveRoomNews(room, after))
                ranges.Add(new(room, after));
        }
        if (ranges.Count == 0)
            return;
        foreach (var range in ranges)
            answer.JoinedRoomIds.Add(range.RoomId);
        var (typing, receipts) = await reader.ReadRoomsAsync(
            ranges, answer.NextBatch, request.User.Value, cancellationToken);
        if (filter.PassesType("m.typing"))
            AddTyping(request, ranges, typing, answer);
        if (filter.PassesType("m.receipt"))
            AddReceipts(request, receipts, answer);
    }

    private static void AddTyping(
        SyncRequest request, List<EduRange> ranges, List<RoomTyping> typing, SyncAnswer answer)
    {
        var newRooms = ranges.Where(range => range.After == 0).Select(range => range.RoomId).ToHashSet();
        foreach (var room in typing)
        {
            var shown = Array.FindAll(room.UserIds, user => !request.Ignored.Contains(user));
            // To who knows nothing of the room, nobody typing is no news. To others it may be, even where only ignored
            // users type: somebody else may have stopped.
            if (shown.Length > 0 || !newRooms.Contains(room.RoomId))
                answer.RoomFor(room.RoomId)!.Typing = shown;
        }
    }

    private static void AddReceipts(SyncRequest request, List<RoomReceipt> receipts, SyncAnswer answer)
    {
        foreach (var receipt in receipts)
        {
            if (!request.Ignored.Contains(receipt.UserId))
                answer.RoomFor(receipt.RoomId)!.Receipts.Add(receipt);
        }
    }
}
