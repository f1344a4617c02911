using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Gathers what a change of membership needs from outside its room, and performs it.</summary>
public sealed class Memberships(
    IRoomserver rooms,
    IProfileLookup profiles,
    IRoomSettings settings,
    ServerIdentity identity,
    AppserviceProvisioning? appservices = null)
{
    private static readonly MatrixError InviteBlocked = new(
        403, ErrCodes.InviteBlocked, "This user does not want to be invited.");

    /// <summary>Whether another server may still let the user in: none of our members could vouch for them.</summary>
    internal static bool IsForOthersToAllow(RoomAnswer answer) =>
        answer is RoomAnswer.Refused { Error.ErrCode: ErrCodes.UnableToGrantJoin };

    internal static bool IsForbidden(RoomAnswer answer) =>
        answer is RoomAnswer.Refused { Error.ErrCode: ErrCodes.Forbidden };

    /// <summary>The profile that a member event repeats; users of other servers have none here.</summary>
    public ValueTask<MemberProfile> ProfileOfAsync(UserId userId) =>
        userId.Server == identity.Name ? profiles.FindAsync(userId) : new(MemberProfile.Empty);

    /// <summary>Performs a member event that its sender wrote itself.</summary>
    public async ValueTask<RoomAnswer> SetAsync(
        RoomId roomId,
        UserId target,
        JsonElement content,
        UserId sender,
        bool isGuest,
        CommandContext context,
        long? originServerTs = null,
        TransactionKey? transaction = null)
    {
        var profile = MembershipParser.Of(content) is Membership.Join or Membership.Invite or Membership.Knock
            ? await ProfileOfAsync(target)
            : MemberProfile.Empty;
        var change = new ChangeMembership(
            context, MembershipCause.State, sender, target, MemberContent.Complete(content, profile))
        {
            IsGuest = isGuest,
            OriginServerTs = originServerTs,
            Transaction = transaction,
        };
        return await PerformAsync(roomId, change);
    }

    /// <summary>Performs a change; a join is checked against the rooms that its room's join rule allows.</summary>
    internal async ValueTask<RoomAnswer> PerformAsync(RoomId roomId, ChangeMembership change)
    {
        switch (MembershipParser.Of(change.Content))
        {
            case Membership.Invite when await FindInviteProblemAsync(change.Target) is { } blocked:
                return new RoomAnswer.Refused(blocked);
            case Membership.Join:
                change = change with { AllowedThrough = await FindAllowedThroughAsync(roomId, change.Target) };
                var answer = await rooms.PerformAsync(roomId, change);
                if (answer is RoomAnswer.Done)
                    await CarryOverAsync(roomId, change.Target, change.Context);
                return answer;
            default:
                return await rooms.PerformAsync(roomId, change);
        }
    }

    /// <summary>Why a user may not be invited, whoever asks; null for nothing, and for users of other servers, which
    /// know that themselves.</summary>
    /// <remarks>Spec: v1.19 client-server-api #invite-permission. Errors: 403 M_INVITE_BLOCKED.</remarks>
    public async ValueTask<MatrixError?> FindInviteProblemAsync(UserId target)
    {
        if (target.Server != identity.Name)
            return null;
        // Whoever is invited should be there by then: this is the time to ask for them.
        if (appservices is not null)
            await appservices.EnsureUserAsync(target, CancellationToken.None);
        return await settings.BlocksInvitesAsync(target) ? InviteBlocked : null;
    }

    /// <summary>Gives a room that a local user has just joined the settings that they had for its predecessor.
    /// </summary>
    internal async ValueTask CarryOverAsync(RoomId roomId, UserId userId, CommandContext context)
    {
        if (userId.Server != identity.Name
            || await rooms.ReadAsync(roomId) is not RoomReading.Found { View.Create: { } create }
            || !create.Content.TryGetProperty("predecessor"u8, out var predecessor)
            || predecessor.ValueKind != JsonValueKind.Object
            || !RoomId.TryParse(predecessor.StringOrNull("room_id"), out var from)
            || from == roomId)
        {
            return;
        }
        await settings.CarryOverAsync(userId, from, roomId, context);
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
