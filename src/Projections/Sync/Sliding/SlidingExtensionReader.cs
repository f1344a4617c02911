using System.Collections.Immutable;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Push;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.ToDevice;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>Adds what is no room: messages to the device, keys, account data, typing, receipts; and unread counts of
/// the rooms that are shown.</summary>
/// <remarks>
/// See MSC4508 (which rooms an extension is about), MSC3884, MSC3885, MSC3959, MSC3960. The parts are those of /sync,
/// asked once for rooms that the extension covered in the answer before, and once for those that it newly covers.
/// </remarks>
internal sealed class SlidingExtensionReader(
    IEnumerable<ISyncPart> parts, IAccountDataQueries accountData, IProjectionGate gate)
{
    private static readonly string[] UserApiOnly = [UserApiProjection.ProjectionName];

    private readonly ISyncPart[] _parts = [.. parts];

    public async ValueTask AddAsync(
        SlidingRequest request,
        SlidingTurn turn,
        SlidingLists lists,
        Lazy<List<UserMembership>> joined,
        IReadOnlySet<string> ignored,
        SlidingAnswer answer,
        CancellationToken cancellationToken)
    {
        var asked = new SyncRequest(request.User, request.DeviceId)
        {
            Since = turn.Position,
            ToDeviceAfter = request.Extensions.ToDeviceAfter,
            Ignored = ignored,
        };
        foreach (var part in _parts)
        {
            var isWanted = part switch
            {
                SyncToDevice => request.Extensions.ToDeviceAfter is not null,
                SyncEphemeral or SyncPresence or SyncUnread => false,
                _ => request.Extensions.IsEncryptionOn,
            };
            if (isWanted)
                await part.AddAsync(asked, joined, answer.Device, cancellationToken);
        }
        if (request.Extensions.AccountData is { } accountScope)
            await AddAccountDataAsync(request, turn, lists, accountScope, answer, cancellationToken);
        await AddEphemeralAsync(request, turn, lists, ignored, answer, cancellationToken);
        await AddUnreadAsync(asked, lists, answer, cancellationToken);
    }

    private async ValueTask AddAccountDataAsync(
        SlidingRequest request,
        SlidingTurn turn,
        SlidingLists lists,
        SlidingScope scope,
        SlidingAnswer answer,
        CancellationToken cancellationToken)
    {
        var upTo = new LogPosition((ulong)answer.Position);
        var covered = Covered(lists, scope, answer, static _ => true);
        var isNew = covered.Where(room => IsNew(turn, room, static sent => sent.AccountDataUpTo)).ToHashSet();
        await gate.WaitForAsync(UserApiOnly, upTo, cancellationToken);
        var entries = turn.Position is { } told && isNew.Count == 0
            ? await accountData.ChangedAsync(request.User, new((ulong)told), upTo, cancellationToken)
            : await accountData.AllAsync(request.User, cancellationToken);
        answer.AccountData = [];
        foreach (var entry in entries)
        {
            var isNews = turn.Position is not { } before || (long)entry.Position.Value > before;
            if (entry.Position <= upTo && (entry.RoomId is { } room
                ? covered.Contains(room.Value) && (isNews || isNew.Contains(room.Value))
                : isNews))
            {
                answer.AccountData.Add(entry);
            }
        }
        Tell(answer, covered, static (sent, position) => sent with { AccountDataUpTo = position });
    }

    private async ValueTask AddEphemeralAsync(
        SlidingRequest request,
        SlidingTurn turn,
        SlidingLists lists,
        IReadOnlySet<string> ignored,
        SlidingAnswer answer,
        CancellationToken cancellationToken)
    {
        if (request.Extensions.Typing is { } typingScope)
        {
            var covered = Covered(lists, typingScope, answer, IsJoined);
            answer.Typing = await ReadAsync("m.typing", covered, static sent => sent.TypingUpTo);
            Tell(answer, covered, static (sent, position) => sent with { TypingUpTo = position });
        }
        if (request.Extensions.Receipts is { } receiptScope)
        {
            var covered = Covered(lists, receiptScope, answer, IsJoined);
            answer.Receipts = await ReadAsync("m.receipt", covered, static sent => sent.ReceiptsUpTo);
            foreach (var room in answer.Receipts)
                Trim(room);
            answer.Receipts.RemoveAll(static room => room.Receipts.Count == 0);
            Tell(answer, covered, static (sent, position) => sent with { ReceiptsUpTo = position });
        }

        async ValueTask<List<SyncRoom>> ReadAsync(
            string type, HashSet<string> covered, Func<SentRoom, long> toldUpTo)
        {
            var found = new List<SyncRoom>();
            var isNew = covered.ToLookup(room => IsNew(turn, room, toldUpTo));
            foreach (var group in isNew)
            {
                var memberships = group.Select(room => lists.IdToCandidate[room].Membership).ToList();
                var part = new SyncAnswer { NextBatch = answer.Position };
                await _parts.OfType<SyncEphemeral>().Single().AddAsync(
                    new SyncRequest(request.User, request.DeviceId)
                    {
                        Since = group.Key ? null : turn.Position,
                        Ignored = ignored,
                        Filter = new() { Ephemeral = new() { Types = [type] } },
                    },
                    new(memberships),
                    part,
                    cancellationToken);
                found.AddRange(part.Joined);
            }
            return found;
        }

        // Of a room that is new to the client only receipts on what it is shown, and its user's own.
        void Trim(SyncRoom room)
        {
            if (!IsNew(turn, room.RoomId, static sent => sent.ReceiptsUpTo))
                return;
            var shown = answer.Rooms.Find(one => one.RoomId == room.RoomId)?.Timeline ?? [];
            room.Receipts.RemoveAll(receipt => receipt.UserId != request.User.Value
                && !shown.Exists(stored => stored.EventId == receipt.EventId));
        }
    }

    private async ValueTask AddUnreadAsync(
        SyncRequest asked, SlidingLists lists, SlidingAnswer answer, CancellationToken cancellationToken)
    {
        var shown = answer.Rooms.FindAll(static room => room.Membership == Membership.Join);
        if (shown.Count == 0)
            return;
        var counts = new SyncAnswer { NextBatch = answer.Position };
        counts.Joined.AddRange(shown.Select(room => new SyncRoom { RoomId = room.RoomId }));
        await _parts.OfType<SyncUnread>().Single().AddAsync(
            asked,
            new(shown.ConvertAll(room => lists.IdToCandidate[room.RoomId].Membership)),
            counts,
            cancellationToken);
        for (var index = 0; index < shown.Count; index++)
            shown[index].Unread = counts.Joined[index].Unread;
    }

    /// <summary>The rooms that an extension is about, among those that the client knows or is told of now.</summary>
    private static HashSet<string> Covered(
        SlidingLists lists, SlidingScope scope, SlidingAnswer answer, Func<SlidingCandidate, bool> isAllowed)
    {
        var covered = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (roomId, match) in lists.Matches)
        {
            if (answer.Sent.ContainsKey(roomId)
                && scope.Covers(match, roomId)
                && isAllowed(lists.IdToCandidate[roomId]))
            {
                covered.Add(roomId);
            }
        }
        return covered;
    }

    private static bool IsJoined(SlidingCandidate candidate) =>
        candidate.Membership.Membership == Membership.Join;

    /// <summary>Whether the answer before did not cover the room.</summary>
    private static bool IsNew(SlidingTurn turn, string roomId, Func<SentRoom, long> toldUpTo) =>
        turn.Position is not { } position
        || !turn.Sent.TryGetValue(roomId, out var sent)
        || toldUpTo(sent) != position;

    private static void Tell(
        SlidingAnswer answer, HashSet<string> covered, Func<SentRoom, long, SentRoom> tell)
    {
        var sent = answer.Sent.ToBuilder();
        foreach (var roomId in covered)
            sent[roomId] = tell(sent[roomId], answer.Position);
        answer.Sent = sent.ToImmutable();
    }
}
