using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Joins through membership in another room.</summary>
/// <remarks>Spec: v1.19 client-server-api #restricted-rooms; server-server-api #restricted-rooms: a member with the
/// invite power authorises.</remarks>
internal static class RestrictedJoin
{
    public static readonly MatrixError NotAllowed = MatrixError.Forbidden(
        "You are not in any of the rooms whose members may join this room.", "restricted join");

    /// <summary>The user may come in, but nobody of ours may say so.</summary>
    public static readonly MatrixError NobodyToGrant = new(
        400, ErrCodes.UnableToGrantJoin, "No member of this server may let the user in; ask another server.");

    /// <summary>The join needs somebody to authorise it: the rule is restricted, and the user is neither in the room
    /// nor invited.</summary>
    public static bool IsNeeded(RoomView view, ChangeMembership command) =>
        command.Sender == command.Target
        && MembershipParser.Of(command.Content) == Membership.Join
        && IsRestricted(view.Rules, view.Get(RoomTuples.JoinRules))
        && view.MembershipOf(command.Target) is not (Membership.Join or Membership.Invite or Membership.Ban);

    /// <summary>The rooms whose members may join, in the order of the rule; those that we can look at.</summary>
    public static IEnumerable<RoomId> AllowedRooms(RoomVersionRules rules, Pdu? joinRules)
    {
        if (!IsRestricted(rules, joinRules)
            || !joinRules!.Content.TryGetProperty("allow"u8, out var allow)
            || allow.ValueKind != JsonValueKind.Array)
            yield break;
        var count = 0;
        foreach (var condition in allow.EnumerateArray())
        {
            if (condition.StringOrNull("type") != "m.room_membership"
                || !RoomId.TryParse(condition.StringOrNull("room_id"), out var roomId))
                continue;
            if (++count > Limits.RestrictedJoinRoomsMax)
                yield break;
            yield return roomId;
        }
    }

    /// <summary>Loads who could authorise: users with power first, then, where everybody may invite, anybody of
    /// ours.</summary>
    public static async ValueTask LoadAuthorisersAsync(IRoomLoader loader, ServerName ours)
    {
        foreach (var candidate in PowerfulUsers(loader.View, ours))
            await loader.LoadAsync(RoomTuples.Member(candidate));
        await loader.LoadAnyJoinedMemberAsync(ours);
    }

    /// <summary>The user is in one of the rooms whose members may join.</summary>
    public static bool IsAllowed(RoomView view, ChangeMembership command) =>
        AllowedRooms(view.Rules, view.Get(RoomTuples.JoinRules)).Any(
            room => command.AllowedThrough.Contains(room.Value));

    public static UserId? FindAuthoriser(RoomView view, ChangeMembership command)
    {
        if (!IsAllowed(view, command))
            return null;
        var levels = view.PowerLevels;
        foreach (var member in view.LoadedJoinedMembers())
        {
            if (member.Server == command.Resident && levels.UserLevel(member) >= levels.Invite)
                return member;
        }
        return null;
    }

    private static bool IsRestricted(
        RoomVersionRules rules, Pdu? joinRules) => joinRules?.Content.StringOrNull("join_rule") switch
    {
        "restricted" => rules.RestrictedJoins,
        "knock_restricted" => rules.KnockRestrictedJoins,
        _ => false,
    };

    private static IEnumerable<UserId> PowerfulUsers(RoomView view, ServerName ours)
    {
        var users = new List<UserId> { view.Create.Sender };
        if (view.Get(RoomTuples.PowerLevels)?.Content is { ValueKind: JsonValueKind.Object } content
            && content.TryGetProperty("users"u8, out var levels)
            && levels.ValueKind == JsonValueKind.Object)
        {
            foreach (var user in levels.EnumerateObject())
            {
                if (UserId.TryParse(user.Name, out var userId))
                    users.Add(userId);
            }
        }
        return users.Where(user => user.Server == ours).Distinct().Take(Limits.RestrictedJoinAuthorisersMax);
    }
}
