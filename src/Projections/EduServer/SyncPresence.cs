using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>Presence of a sync: the user's own, and that of those who share a room with them.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #presence.
/// Cost: nothing where nobody's presence changed and nobody joined; else one round trip.
/// </remarks>
public sealed class SyncPresence(LiveEdus live, EduReader reader, IProjectionGate gate) : ISyncPart
{
    public async ValueTask AddAsync(
        SyncRequest request,
        Lazy<List<UserMembership>> joined,
        SyncAnswer answer,
        CancellationToken cancellationToken)
    {
        var newRooms = new List<string>();
        if (request.Since is { } since && answer.Joined.Count > 0)
        {
            foreach (var membership in joined.Value)
            {
                if (membership.Since > since)
                    newRooms.Add(membership.RoomId);
            }
        }
        var newUsers = NewMembers(request, answer);
        await gate.WaitForAsync(
            EduServerProjection.Gate, new((ulong)answer.NextBatch), cancellationToken);
        var isNews = request.Since is null || live.MayHavePresenceNews(request.Since.Value);
        if (!isNews && newRooms.Count == 0 && newUsers.Count == 0)
            return;
        var found = await reader.ReadPresenceAsync(
            request.User.Value, request.Since, answer.NextBatch, newRooms, newUsers, cancellationToken);
        var filter = request.Filter.Presence;
        if (!filter.PassesType("m.presence"))
            return;
        foreach (var presence in found)
        {
            if (!request.Ignored.Contains(presence.UserId) && PassesSender(filter, presence.UserId))
                answer.Presence.Add(presence);
        }
    }

    private static bool PassesSender(EventFilter filter, string sender) =>
        (filter.Senders is null || Array.IndexOf(filter.Senders, sender) >= 0)
        && (filter.NotSenders is null || Array.IndexOf(filter.NotSenders, sender) < 0);

    /// <summary>Who joined a room that the user was in already: their presence may be older than the token.</summary>
    private static HashSet<string> NewMembers(SyncRequest request, SyncAnswer answer)
    {
        var users = new HashSet<string>(StringComparer.Ordinal);
        if (request.Since is null)
            return users;
        foreach (var room in answer.Joined)
        {
            foreach (var stored in room.Timeline.Concat(room.State))
            {
                if (stored is { Type: "m.room.member", Membership: Membership.Join, StateKey: { } user })
                    users.Add(user);
            }
        }
        return users;
    }
}
