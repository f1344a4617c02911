using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Which endpoint asks for a change of membership; they differ in what must be so before.</summary>
internal enum MembershipCause
{
    Join,
    Knock,
    Invite,
    Leave,
    Kick,
    Ban,
    Unban,

    /// <summary>A state event that the client wrote itself.</summary>
    State,

    /// <summary>A new profile of somebody who is in the room.</summary>
    Profile,
}

/// <summary>Changes somebody's membership: every member event of a local user comes from here.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-membership, #restricted-rooms. Shape: Content holds <c>membership</c>.
/// Requires: AllowedThrough names the rooms, of those in the room's allow conditions, that the target is in.
/// </remarks>
internal sealed record ChangeMembership(
    CommandContext Context, MembershipCause Cause, UserId Sender, UserId Target, JsonElement Content)
    : RoomCommand(Context)
{
    public ImmutableHashSet<string> AllowedThrough { get; init; } = [];

    public bool IsGuest { get; init; }

    /// <summary>The server whose members may authorise the join: ours, also where the user is of another one.</summary>
    public ServerName? ResidentServer { get; init; }

    internal ServerName Resident => ResidentServer ?? Sender.Server;

    private Membership NewMembership => MembershipParser.Of(Content);

    public override async ValueTask LoadAsync(IRoomLoader loader)
    {
        await loader.LoadAsync(RoomTuples.Member(Sender));
        await loader.LoadAsync(RoomTuples.Member(Target));
        await loader.LoadAsync(RoomTuples.JoinRules);
        await loader.LoadAsync(RoomTuples.GuestAccess);
        foreach (var tuple in AuthEventSelection.TuplesFor(
            EventTypes.Member, Target.Value, Sender, Content, loader.View.Rules))
            await loader.LoadAsync(tuple);
        if (NewMembership is Membership.Invite or Membership.Knock)
            await ShownRoomState.LoadAsync(loader);
        if (RestrictedJoin.IsNeeded(loader.View, this))
            await RestrictedJoin.LoadAuthorisersAsync(loader, Resident);
    }

    public override RoomDecision Decide(RoomView view, DecisionInputs inputs)
    {
        var standing = view.Get(RoomTuples.Member(Target));
        if (FindPrecondition(view, MembershipParser.Of(standing)) is { } outcome)
            return outcome;
        var content = Content;
        if (RestrictedJoin.IsNeeded(view, this))
        {
            if (RestrictedJoin.FindAuthoriser(view, this) is not { } authoriser)
                return RestrictedJoin.IsAllowed(view, this) ? RestrictedJoin.NobodyToGrant : RestrictedJoin.NotAllowed;
            content = JsonContent.WithString(Content, MemberContent.AuthorisedVia, authoriser.Value);
        }
        if (standing is not null && IsNothingNew(standing, content))
            return new RoomDecision.AlreadyDone(standing.EventId);
        var draft = new RoomDraft(view, inputs.At(OriginServerTs));
        var error = draft.Add(new NewPdu(EventTypes.Member, Target.Value, Sender, content)
        {
            StrippedState = NewMembership is Membership.Invite or Membership.Knock
                ? ShownRoomState.Build(draft, Sender)
                : null,
        });
        return error is null ? draft.Accept() : error;
    }

    public override RoomDecision DecideUnknown() => Cause switch
    {
        MembershipCause.Join or MembershipCause.Knock or MembershipCause.Leave => RoomErrors.UnknownRoom,
        _ => RoomErrors.NotInRoom,
    };

    private RoomDecision? FindPrecondition(RoomView view, Membership standing)
    {
        switch (Cause)
        {
            case MembershipCause.Leave when standing == Membership.Leave:
                return new RoomDecision.AlreadyDone(null);
            case MembershipCause.Kick when standing is not (Membership.Join or Membership.Invite or Membership.Knock):
                return MatrixError.Forbidden("This user is not in the room.");
            case MembershipCause.Unban when standing != Membership.Ban:
                return MatrixError.Forbidden("This user is not banned.");
            case MembershipCause.Profile when standing != Membership.Join:
                return new RoomDecision.AlreadyDone(null);
        }
        if (IsGuest && NewMembership == Membership.Join && !AreGuestsWelcome(view))
            return new MatrixError(403, ErrCodes.GuestAccessForbidden, "Guests cannot join this room.");
        return null;
    }

    internal static bool AreGuestsWelcome(RoomView view) =>
        view.Get(RoomTuples.GuestAccess)?.Content.StringOrNull("guest_access") == "can_join";

    private bool IsNothingNew(Pdu standing, JsonElement content)
    {
        if (standing.Sender != Sender || MembershipParser.Of(standing) != NewMembership)
            return false;
        if (Cause == MembershipCause.Join)
            return MemberContent.ShowsTheSame(standing.Content, content);
        return CanonicalJson.FindViolation(content) is null
            && standing.ContentUtf8.Span.SequenceEqual(CanonicalJson.Canonicalise(content));
    }
}
