using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Member events that are made here, but go to another server before they are recorded: templates for its
/// users, invites for it to sign.</summary>
/// <remarks>Ensures: what comes out is authorised by the room's state as it is now. Nothing is recorded.</remarks>
public sealed class MembershipDrafts(
    IRoomserver rooms,
    Memberships memberships,
    IRoomResidency residency,
    ServerIdentity identity,
    TimeProvider clock)
{
    private static readonly MatrixError UnableToAuthorise = new(
        400,
        ErrCodes.UnableToAuthoriseJoin,
        "This server is in none of the rooms whose members may join; ask another server.");

    /// <summary>The member event, signed by us, with the state that its target may be shown, and the policy server that
    /// must sign it before it is sent.</summary>
    public sealed record Draft(Pdu Pdu, RawJson StatePdus, PolicyServer? Policy);

    /// <summary>A join, a leave or a knock of a user of another server, or an invite to one.</summary>
    /// <remarks>
    /// Spec: v1.19 server-server-api #joining-rooms, #restricted-rooms.
    /// Errors: M_NOT_FOUND for a room that is not here; M_FORBIDDEN by the rules; for restricted rooms
    /// M_UNABLE_TO_GRANT_JOIN where none of our members could let the user in, M_UNABLE_TO_AUTHORISE_JOIN where we
    /// cannot tell whether the user may.
    /// </remarks>
    public async ValueTask<CommandResult<Draft>> BuildAsync(
        CommandContext context, RoomId roomId, UserId sender, UserId target, JsonElement content)
    {
        var membership = MembershipParser.Of(content);
        var cause = membership switch
        {
            Membership.Join => MembershipCause.Join,
            Membership.Knock => MembershipCause.Knock,
            Membership.Invite => MembershipCause.Invite,
            _ => MembershipCause.Leave,
        };
        var change = new ChangeMembership(context, cause, sender, target, content) { ResidentServer = identity.Name };
        if (membership == Membership.Join)
            change = change with { AllowedThrough = await FindAllowedThroughAsync(roomId, target) };
        var reading = await rooms.ReadAsync(roomId, async loader =>
        {
            await change.LoadAsync(loader);
            await ShownRoomState.LoadAsync(loader);
            await loader.LoadAsync(RoomTuples.Policy);
            if (PolicyServer.From(loader.View.Get(RoomTuples.Policy)) is { } named)
                await loader.LoadAnyJoinedMemberAsync(named.Server);
        });
        switch (reading)
        {
            case RoomReading.Refused refused:
                return refused.Error;
            case RoomReading.Found { View: var view }:
                var decided = Decide(change, view);
                return decided is CommandResult<Draft>.Refused { Error: var error }
                    && error == RestrictedJoin.NotAllowed
                    && await KnowsNoneAsync([.. RestrictedJoin.AllowedRooms(
                        view.Rules, view.Get(RoomTuples.JoinRules))])
                        ? UnableToAuthorise
                        : decided;
            default:
                return RoomErrors.UnknownRoom;
        }
    }

    /// <summary>The rooms that let a user of another server in. What was so in a room when the last of our users left
    /// it says nothing of today.</summary>
    private async ValueTask<ImmutableHashSet<string>> FindAllowedThroughAsync(RoomId roomId, UserId userId)
    {
        var found = await memberships.FindAllowedThroughAsync(roomId, userId);
        foreach (var allowed in found)
        {
            if (!await IsResidentAsync(RoomId.Parse(allowed)))
                found = found.Remove(allowed);
        }
        return found;
    }

    /// <summary>Whether there are rooms whose members may join, and this server is in none of them. A rule that names
    /// no room lets nobody in, which is known without asking.</summary>
    private async ValueTask<bool> KnowsNoneAsync(IReadOnlyList<RoomId> allowed)
    {
        foreach (var roomId in allowed)
        {
            if (await IsResidentAsync(roomId))
                return false;
        }
        return allowed.Count > 0;
    }

    private async ValueTask<bool> IsResidentAsync(RoomId roomId) =>
        (await residency.ServersAsync(roomId)).Contains(identity.Name);

    private CommandResult<Draft> Decide(ChangeMembership change, RoomView view)
    {
        var inputs = new DecisionInputs(identity, clock.GetUtcNow().ToUnixTimeMilliseconds());
        switch (change.Decide(view, inputs))
        {
            case RoomDecision.Accepted { Pdus: [var decided, ..] }:
                return Done(decided.Pdu, change, view);
            case RoomDecision.Refused refused:
                return refused.Error;
            default:
                // What is so already is asked for again all the same: the other server does not know.
                var draft = new RoomDraft(view, inputs);
                return draft.Add(new NewPdu(
                    EventTypes.Member, change.Target.Value, change.Sender, change.Content)) is { } error
                        ? error
                        : Done(draft.Decided[0].Pdu, change, view);
        }
    }

    private static CommandResult<Draft> Done(Pdu pdu, ChangeMembership change, RoomView view) =>
        new CommandResult<Draft>.Done(
            new Draft(pdu, ShownRoomState.BuildPdus(view, change.Sender), PolicyServerOf(view)), default);

    private static PolicyServer? PolicyServerOf(RoomView view) =>
        PolicyServer.From(view.Get(RoomTuples.Policy)) is { } named
        && view.LoadedJoinedMembers().Any(member => member.Server == named.Server)
            ? named
            : null;
}
