using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>Finds the cards of rooms, wherever they are known, and says who may see them.</summary>
/// <remarks>
/// Sources are asked in the order in which they are registered, this server's tables first: what is known here is not
/// asked of others.
/// </remarks>
internal sealed class RoomDiscovery(
    IEnumerable<IRoomCardSource> sources, RoomReader reader, IProjectionGate gate)
{
    private static readonly string[] Gate = [RoomserverProjection.ProjectionName];

    /// <summary>The cards of those of the rooms that anybody knows. Requires: <see cref="OpenAsync"/> was waited
    /// for.</summary>
    public async ValueTask<IReadOnlyDictionary<string, RoomCard>> FindAsync(
        IReadOnlyDictionary<string, IReadOnlyList<string>> rooms, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, RoomCard>();
        foreach (var source in sources)
        {
            var missing = rooms.Where(room => !found.ContainsKey(room.Key)).ToDictionary();
            if (missing.Count == 0)
                break;
            foreach (var (roomId, card) in await source.FindAsync(missing, cancellationToken))
                found[roomId] = card;
        }
        return found;
    }

    /// <summary>Waits at the gate and looks up where the caller is a member.</summary>
    public async ValueTask<RoomVisitor> OpenAsync(Requester? requester, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(Gate, cancellationToken);
        if (requester is null)
            return new(null, new Dictionary<string, Membership>());
        var memberships = await reader.ReadMembershipsAsync(requester.UserId.Value, cancellationToken);
        return new(
            requester.UserId, memberships.ToDictionary(entry => entry.RoomId, entry => entry.Membership));
    }
}

/// <summary>Somebody who looks at rooms from outside; without an account where UserId is null.</summary>
internal sealed record RoomVisitor(UserId? UserId, IReadOnlyDictionary<string, Membership> Memberships)
{
    public Membership? MembershipIn(string roomId) =>
        Memberships.TryGetValue(roomId, out var membership) ? membership : null;

    /// <summary>Whether the room may be shown to them: they are in it, may join or knock, or may read it.</summary>
    /// <remarks>Spec: v1.19 client-server-api #get_matrixclientv1roomsroomidhierarchy (the conditions).</remarks>
    public bool MaySee(RoomCard card)
    {
        var membership = MembershipIn(card.RoomId);
        if (membership is Membership.Join or Membership.Invite)
            return true;
        if (membership == Membership.Ban)
            return false;
        if (card.IsWorldReadable)
            return true;
        var rules = card.RoomVersion is null ? null : RoomVersionRules.Find(card.RoomVersion);
        return card.JoinRule switch
        {
            "public" => true,
            "knock" => rules?.Knocking != false,
            "knock_restricted" => rules?.KnockRestrictedJoins != false || IsAllowed(card),
            "restricted" => IsAllowed(card),
            _ => false,
        };
    }

    private bool IsAllowed(RoomCard card) =>
        card.AllowedRoomIds.Any(roomId => MembershipIn(roomId) == Membership.Join);
}
