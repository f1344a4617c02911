using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Gathers what a change of membership needs from outside its room, and performs it.</summary>
public sealed class Memberships(IRoomserver rooms, IProfileLookup profiles, ServerIdentity identity)
{
    /// <summary>Whether another server may still let the user in: none of our members could vouch for them.</summary>
    internal static bool IsForOthersToAllow(RoomAnswer answer) =>
        answer is RoomAnswer.Refused { Error.ErrCode: ErrCodes.UnableToGrantJoin };

    /// <summary>The profile that a member event repeats; users of other servers have none here.</summary>
    public ValueTask<MemberProfile> ProfileOfAsync(UserId userId) =>
        userId.Server == identity.Name ? profiles.FindAsync(userId) : new(MemberProfile.Empty);

    /// <summary>Performs a member event that its sender wrote itself.</summary>
    public async ValueTask<RoomAnswer> SetAsync(
        RoomId roomId, UserId target, JsonElement content, UserId sender, bool isGuest, CommandContext context)
    {
        var profile = MembershipParser.Of(content) is Membership.Join or Membership.Invite or Membership.Knock
            ? await ProfileOfAsync(target)
            : MemberProfile.Empty;
        var change = new ChangeMembership(
            context, MembershipCause.State, sender, target, MemberContent.Complete(content, profile))
        {
            IsGuest = isGuest,
        };
        return await PerformAsync(roomId, change);
    }

    /// <summary>Performs a change; a join is checked against the rooms that its room's join rule allows.</summary>
    internal async ValueTask<RoomAnswer> PerformAsync(RoomId roomId, ChangeMembership change)
    {
        var membership = MembershipParser.Of(change.Content);
        if (membership == Membership.Join)
            change = change with { AllowedThrough = await FindAllowedThroughAsync(roomId, change.Target) };
        return await rooms.PerformAsync(roomId, change);
    }

    internal async ValueTask<ImmutableHashSet<string>> FindAllowedThroughAsync(RoomId roomId, UserId userId)
    {
        if (await rooms.ReadAsync(roomId, RoomTuples.JoinRules) is not RoomReading.Found { View: var view })
            return [];
        var found = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (var allowed in RestrictedJoin.AllowedRooms(view.Rules, view.Get(RoomTuples.JoinRules)))
        {
            var reading = await rooms.ReadAsync(allowed, RoomTuples.Member(userId));
            if (reading is RoomReading.Found other && other.View.MembershipOf(userId) == Membership.Join)
                found.Add(allowed.Value);
        }
        return found.ToImmutable();
    }
}
