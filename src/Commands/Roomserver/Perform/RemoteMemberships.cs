using System.Text.Json;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Changes of membership for which other servers are needed: the room is not here, or the invited user is
/// not.</summary>
/// <remarks>Shape: decides who is asked, in which order; the asking is <see cref="IRemoteRooms"/>.</remarks>
public sealed class RemoteMemberships(
    IRoomserver rooms,
    IRemoteRooms remote,
    IRoomResidency residency,
    IPduStore pdus,
    AliasBook aliases,
    MembershipDrafts drafts,
    PolicySigning signing,
    ServerIdentity identity,
    TimeProvider clock,
    AppserviceProvisioning? appservices = null)
{
    /// <summary>LIMIT: servers that one request tries. Ours: each may take its time.</summary>
    private const int ServersMax = 8;

    private static readonly RawJson NoState = new("[]"u8.ToArray());

    /// <summary>The room that an id or alias names, and servers that may know it.</summary>
    /// <param name="roomIdOrAlias">An id or an alias.</param>
    /// <param name="cancellationToken">Ends the wait for others.</param>
    /// <param name="asksAppservices">Whether an application service may make the room now; not where it is the one who
    /// asks, which it may do while it is asked.</param>
    public async ValueTask<(RoomId RoomId, IReadOnlyList<ServerName> Servers, MatrixError? Error)> FindRoomAsync(
        string roomIdOrAlias, CancellationToken cancellationToken, bool asksAppservices = true)
    {
        if (RoomId.TryParse(roomIdOrAlias, out var roomId))
            return (roomId, [], null);
        if (!RoomAlias.TryParse(roomIdOrAlias, out var alias))
            return (default, [], MatrixError.InvalidParam("This is neither a room id nor a room alias."));
        if (aliases.IsOurs(alias) && asksAppservices && appservices is not null)
        {
            var (ours, problem) = await appservices.ResolveAsync(aliases, alias, cancellationToken);
            return (ours ?? default, [], problem);
        }
        if (aliases.IsOurs(alias))
        {
            return await aliases.ResolveAsync(alias) is { } local
                ? (local, [], null)
                : (default, [], RoomErrors.UnknownAlias);
        }
        var (found, servers) = await remote.ResolveAliasAsync(alias, cancellationToken);
        return found is { } there ? (there, servers, null) : (default, [], RoomErrors.UnknownAlias);
    }

    /// <summary>Where an alias of another server leads; null for nowhere, and where nobody can say.</summary>
    public async ValueTask<RoomId?> ResolveAliasAsync(RoomAlias alias, CancellationToken cancellationToken) =>
        (await remote.ResolveAliasAsync(alias, cancellationToken)).RoomId;

    /// <summary>Whether a user of ours is in the room, so that this server can decide on it.</summary>
    public async ValueTask<bool> IsResidentAsync(RoomId roomId) =>
        (await residency.ServersAsync(roomId)).Contains(identity.Name);

    /// <summary>Whether this server decides on a join or a knock: it is in the room, or nobody at all is and the room
    /// was made here.</summary>
    public async ValueTask<bool> IsOursToDecideAsync(RoomId roomId)
    {
        var servers = await residency.ServersAsync(roomId);
        return servers.Contains(identity.Name)
            || (servers.Count == 0
                && await rooms.ReadAsync(roomId) is RoomReading.Found { View.Create.Sender: var creator }
                && creator.Server == identity.Name);
    }

    public async ValueTask<MatrixError?> JoinAsync(
        CommandContext context,
        RoomId roomId,
        UserId userId,
        JsonElement content,
        IReadOnlyList<ServerName> via,
        CancellationToken cancellationToken)
    {
        var servers = await ServersForAsync(roomId, userId, via);
        return servers.Count == 0
            ? RoomErrors.UnknownRoom
            : await remote.JoinAsync(
                new RemoteMembership(context, roomId, userId, content, servers), cancellationToken);
    }

    public async ValueTask<MatrixError?> KnockAsync(
        CommandContext context,
        RoomId roomId,
        UserId userId,
        JsonElement content,
        IReadOnlyList<ServerName> via,
        CancellationToken cancellationToken)
    {
        var servers = await ServersForAsync(roomId, userId, via);
        return servers.Count == 0
            ? RoomErrors.UnknownRoom
            : await remote.KnockAsync(
                new RemoteMembership(context, roomId, userId, content, servers), cancellationToken);
    }

    /// <summary>Rejects an invite, or takes a knock back, in a room that is not here. Null: there is nothing of the
    /// kind.</summary>
    /// <remarks>Ensures: the user is out even when the room's servers cannot be reached: then only this server knows
    /// it.</remarks>
    public async ValueTask<CommandResult<MediatR.Unit>?> LeaveAsync(
        CommandContext context, RoomId roomId, UserId userId, JsonElement content, CancellationToken cancellationToken)
    {
        if (await FindStandingAsync(roomId, userId) is not { Member: { Membership: "invite" or "knock" } standing })
            return null;
        var servers = await ServersForAsync(roomId, userId, []);
        var leave = new RemoteMembership(context, roomId, userId, content, servers);
        if (servers.Count > 0 && await remote.LeaveAsync(leave, cancellationToken) is null)
            return new CommandResult<MediatR.Unit>.Done(MediatR.Unit.Value, LogPosition.Start);
        var draft = new PduDraft(
            roomId,
            EventTypes.Member,
            userId.Value,
            userId,
            content,
            clock.GetUtcNow().ToUnixTimeMilliseconds(),
            Math.Min(standing.Depth + 1, Limits.CanonicalIntegerMax),
            [standing.EventId],
            []);
        var built = PduBuilder.Build(draft, standing.Rules, identity);
        if (built is not PduBuildResult.Built { Pdu: var pdu })
            return ((PduBuildResult.Refused)built).Error;
        var answer = await rooms.ReceiveAsync(roomId, new ReceiveMembership(context, pdu, NoState));
        return answer is InputAnswer.Refused refused
            ? refused.Error
            : new CommandResult<MediatR.Unit>.Done(MediatR.Unit.Value, LogPosition.Start);
    }

    /// <summary>Invites a user of another server, which must sign the invite before the room gets it.</summary>
    public async ValueTask<RoomAnswer> InviteAsync(
        CommandContext context,
        RoomId roomId,
        UserId sender,
        UserId target,
        JsonElement content,
        CancellationToken cancellationToken)
    {
        switch (await drafts.BuildAsync(context, roomId, sender, target, content))
        {
            case CommandResult<MembershipDrafts.Draft>.Refused refused:
                return new RoomAnswer.Refused(refused.Error);
            case CommandResult<MembershipDrafts.Draft>.Done { Value: var draft }:
                var invite = draft.Pdu;
                if (draft.Policy is { } policy)
                {
                    var (recommended, refusal) = await signing.SignAsync(policy, invite);
                    if (recommended is null)
                        return new RoomAnswer.Refused(refusal!);
                    invite = recommended;
                }
                var (signed, error) = await remote.InviteAsync(invite, draft.StatePdus, cancellationToken);
                if (signed is null)
                    return new RoomAnswer.Refused(error!);
                var input = new ReceivePdus(context, [new ReceivedPdu(signed) { SendOn = identity.Name }]);
                return await rooms.ReceiveAsync(roomId, input) switch
                {
                    InputAnswer.Done { Outcomes: [{ IsShown: true }] } =>
                        new RoomAnswer.Done(signed.EventId, LogPosition.Start),
                    InputAnswer.Refused unusable => new RoomAnswer.Refused(unusable.Error),
                    _ => new RoomAnswer.Refused(MatrixError.Forbidden(
                        "The room changed meanwhile, and the invite is not allowed any more.")),
                };
            default:
                throw new InvariantException("a draft is done or refused");
        }
    }

    /// <summary>Who may know the room: as asked, who invited the user, who was in it when we were, who made it, whom
    /// its state names.</summary>
    private async ValueTask<IReadOnlyList<ServerName>> ServersForAsync(
        RoomId roomId, UserId userId, IReadOnlyList<ServerName> via)
    {
        var servers = new List<ServerName>(via);
        var standing = await FindStandingAsync(roomId, userId);
        if (standing is not null)
            servers.Add(standing.Member.Sender.Server);
        servers.AddRange(await residency.ServersAsync(roomId));
        if (roomId.Server is { } maker)
            servers.Add(maker);
        if (standing is not null)
            servers.AddRange(standing.WritersOfState());
        return [.. servers.Where(server => server != identity.Name).Distinct().Take(ServersMax)];
    }

    /// <summary>Brings a user's invite into the room where it is not there yet; false where there is none of the
    /// kind.</summary>
    /// <remarks>An invite comes by itself, and only then, by a transaction, as a PDU of the room. Who answers it at
    /// once would be turned away by a room that does not know of it yet.</remarks>
    public async ValueTask<bool> BringInviteAsync(
        CommandContext context, RoomId roomId, UserId userId, CancellationToken cancellationToken)
    {
        if (await FindInviteAheadAsync(roomId, userId) is not { } invite)
            return false;
        await remote.TakeAsync(context, invite, cancellationToken);
        return true;
    }

    /// <summary>Whether a user has an invite that is not in the room, as we know it.</summary>
    public async ValueTask<bool> IsInvitedAheadAsync(RoomId roomId, UserId userId) =>
        await FindInviteAheadAsync(roomId, userId) is not null;

    private async ValueTask<Pdu?> FindInviteAheadAsync(RoomId roomId, UserId userId) =>
        await FindStandingAsync(roomId, userId) is { Member: { Membership: "invite" } invite }
        && invite.Sender.Server != identity.Name
        && await rooms.ReadAsync(roomId, RoomTuples.Member(userId)) is RoomReading.Found { View: var view }
        && view.Get(RoomTuples.Member(userId))?.EventId != invite.EventId
            ? invite
            : null;

    /// <summary>A user's newest membership in a room, be the room here or not; null where there is none.</summary>
    public async ValueTask<Standing?> FindStandingAsync(RoomId roomId, UserId userId)
    {
        if (await residency.FindMembershipAsync(roomId, userId) is not { } eventId
            || await pdus.FindAsync([eventId]) is not [var stored]
            || RoomVersionRules.Find(stored.RoomVersion) is not { } rules)
            return null;
        return new Standing(PduParser.ParseStored(stored.Json, rules, eventId), stored.StrippedState);
    }
}

/// <summary>A membership, and what the user was shown of the room with it: a JSON array, or null.</summary>
public sealed record Standing(Pdu Member, ReadOnlyMemory<byte>? StrippedState)
{
    /// <summary>The servers of those who wrote the state that an invite or a knock came with: all that is known of a
    /// room whose id names no server.</summary>
    public IEnumerable<ServerName> WritersOfState()
    {
        if (StrippedState is not { } state)
            yield break;
        foreach (var entry in JsonElement.Parse(state.Span).EnumerateArray())
        {
            if (entry.ValueKind == JsonValueKind.Object
                && entry.TryGetProperty("sender", out var sender)
                && sender.ValueKind == JsonValueKind.String
                && UserId.TryParse(sender.GetString(), out var userId))
                yield return userId.Server;
        }
    }
}
