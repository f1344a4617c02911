using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.ThirdParty;

/// <summary>Invites of people whose user id is not known: offered by a token in the room, redeemed for a real
/// invite.</summary>
/// <remarks>
/// <code>
///   offer:   may the sender invite? ─► look up ─ bound ─► an invite like any other
///                                        └ not ─► the identity server keeps it ─► m.room.third_party_invite, token
///   redeem:  signed by the identity server ─► a key of the offer? ─► does it still count? ─► the invite with the proof
/// </code>
/// Spec: v1.19 client-server-api #third-party-invites; server-server-api #third-party-invites.
/// </remarks>
public sealed class ThirdPartyInvites(
    IRoomserver rooms,
    IIdentityServers identityServers,
    IRemoteRooms remoteRooms,
    Memberships memberships,
    RemoteMemberships remote,
    ServerIdentity identity)
{
    /// <summary>Invites who owns the address.</summary>
    /// <remarks>Errors: M_FORBIDDEN without the power, before the identity server hears of it; those of
    /// <see cref="IIdentityServers"/>; those of an invite.</remarks>
    public async ValueTask<RoomAnswer> OfferAsync(
        CommandContext context, RoomId roomId, UserId sender, ThirdPartyTarget target, bool isDirect = false)
    {
        var reading = await rooms.ReadAsync(roomId, loader => ShownInvites.LoadAsync(loader, sender));
        if (reading is not RoomReading.Found { View: var view })
            return new RoomAnswer.Refused((reading as RoomReading.Refused)?.Error ?? RoomErrors.NotInRoom);
        if (view.MembershipOf(sender) != Membership.Join)
            return new RoomAnswer.Refused(RoomErrors.NotInRoom);
        if (view.PowerLevels.UserLevel(sender) < view.PowerLevels.Invite)
            return new RoomAnswer.Refused(MatrixError.Forbidden("You do not have the power to invite users."));
        var (bound, error) = await identityServers.LookUpAsync(target);
        if (error is not null)
            return new RoomAnswer.Refused(error);
        if (bound is { } known)
            return await InviteAsync(context, roomId, sender, known, isDirect);
        var (stored, refusal) = await identityServers.StoreInviteAsync(target, ShownInvites.Of(view, sender));
        if (stored is null)
            return new RoomAnswer.Refused(refusal!);
        return stored.BoundTo is { } bindsNow
            ? await InviteAsync(context, roomId, sender, bindsNow, isDirect)
            : await rooms.PerformAsync(roomId, new SendPdu(
                context, sender, EventTypes.ThirdPartyInvite, stored.Token, ShownInvites.Offer(stored)));
    }

    /// <summary>Makes a real invite of one that the identity server has signed for a user.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="roomId">A room that is here.</param>
    /// <param name="sender">Who made the offer; may be of another server, when the target is ours.</param>
    /// <param name="target">Whom the identity server names.</param>
    /// <param name="signed">What it signed.</param>
    /// <remarks>Errors: M_FORBIDDEN for who has joined, where the room has no such offer of the sender, no key of it
    /// has signed, or the key does not count any more; those of an invite.</remarks>
    public async ValueTask<RoomAnswer> RedeemAsync(
        CommandContext context, RoomId roomId, UserId sender, UserId target, JsonElement signed)
    {
        var tuple = new StateTuple(EventTypes.ThirdPartyInvite, signed.StringOrNull("token") ?? string.Empty);
        var reading = await rooms.ReadAsync(roomId, tuple, RoomTuples.Member(target));
        if (reading is not RoomReading.Found { View: var view })
            return new RoomAnswer.Refused((reading as RoomReading.Refused)?.Error ?? RoomErrors.UnknownRoom);
        // The rules would let the same proof invite who has joined by it, and so put them out again.
        if (view.MembershipOf(target) == Membership.Join)
            return Refuse("This user is in the room already.");
        if (view.Get(tuple) is not { } offered || offered.Sender != sender)
            return Refuse("This user has made no such third-party invite in the room.");
        if (ThirdPartyInviteKeys.FindSigner(signed, offered) is not { } signer)
            return Refuse("No key of the third-party invite has signed this.");
        if (signer.ValidityUrl is { } url && !await identityServers.IsKeyValidAsync(url, signer.PublicKey))
            return Refuse("The key of the third-party invite does not count any more.");
        var content = JsonContent.With(
            MemberContent.Build(Membership.Invite, await memberships.ProfileOfAsync(target)),
            new KeyValuePair<string, JsonElement>("third_party_invite", JsonContent.Build(json =>
            {
                json.WriteString("display_name"u8, offered.Content.StringOrNull("display_name") ?? string.Empty);
                json.WritePropertyName("signed"u8);
                signed.WriteTo(json);
            })));
        return await InviteAsync(context, roomId, sender, target, content);
    }

    /// <summary>The identity server says that one of our users owns an address, with an invite for it.</summary>
    /// <remarks>Where we are not in the room, the inviting server is asked to redeem it.</remarks>
    public async ValueTask<MatrixError?> TakeUpAsync(
        CommandContext context, RoomId roomId, UserId sender, UserId target, JsonElement signed)
    {
        if (await remote.IsResidentAsync(roomId))
            return (await RedeemAsync(context, roomId, sender, target, signed) as RoomAnswer.Refused)?.Error;
        return sender.Server == identity.Name
            ? RoomErrors.UnknownRoom
            : await remoteRooms.ExchangeThirdPartyInviteAsync(
                sender.Server, roomId, ShownInvites.Exchange(roomId, sender, target, signed));
    }

    /// <summary>A user shows what the identity server has signed, to be let in. Who is in the room, or invited, needs
    /// it no more.</summary>
    public async ValueTask<MatrixError?> ShowAsync(
        CommandContext context, RoomId roomId, UserId user, SignedInvite invite) =>
        await rooms.ReadAsync(roomId, RoomTuples.Member(user)) is RoomReading.Found { View: var view }
            && view.MembershipOf(user) is Membership.Join or Membership.Invite
                ? null
                : await TakeUpAsync(context, roomId, invite.Sender, user, invite.Signed);

    private async ValueTask<RoomAnswer> InviteAsync(
        CommandContext context, RoomId roomId, UserId sender, UserId target, bool isDirect) => await InviteAsync(
        context,
        roomId,
        sender,
        target,
        MemberContent.Build(Membership.Invite, await memberships.ProfileOfAsync(target), null, isDirect));

    private ValueTask<RoomAnswer> InviteAsync(
        CommandContext context, RoomId roomId, UserId sender, UserId target, JsonElement content) =>
        target.Server == identity.Name
            ? memberships.PerformAsync(
                roomId, new ChangeMembership(context, MembershipCause.Invite, sender, target, content))
            : remote.InviteAsync(context, roomId, sender, target, content, CancellationToken.None);

    private static RoomAnswer.Refused Refuse(string message) => new(MatrixError.Forbidden(message));
}
