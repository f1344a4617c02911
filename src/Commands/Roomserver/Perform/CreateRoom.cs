using System.Collections.Immutable;
using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>A set of defaults for a new room. Spec: v1.19 client-server-api #post_matrixclientv3createroom.</summary>
public enum RoomPreset
{
    PrivateChat,
    TrustedPrivateChat,
    PublicChat,
}

/// <summary>One event of <c>initial_state</c>.</summary>
public sealed record InitialState(string Type, string StateKey, JsonElement Content);

/// <summary>Creates a room: POST /createRoom.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3createroom.
/// Shape: CreationContent and PowerLevelContentOverride are objects, or Undefined where not given.
/// Ensures: the whole room, invites included, enters the log in one append, or not at all. An alias is claimed before
/// and given back when that fails.
/// Errors: M_UNSUPPORTED_ROOM_VERSION, M_ROOM_IN_USE, M_INVALID_ROOM_STATE, M_BAD_JSON, M_INVALID_PARAM, M_FORBIDDEN.
/// </remarks>
public sealed record CreateRoom(CommandContext Context, UserId Creator) : ICommand<RoomId>
{
    public string? RoomVersion { get; init; }

    public RoomPreset Preset { get; init; }

    public bool IsPublic { get; init; }

    public bool IsDirect { get; init; }

    public string? AliasLocalpart { get; init; }

    /// <summary>The application service that asks; null for people.</summary>
    public string? AppserviceId { get; init; }

    public string? Name { get; init; }

    public string? Topic { get; init; }

    public ImmutableArray<string> Invite { get; init; } = [];

    /// <summary>Whom to invite by what identity servers know of them.</summary>
    public ImmutableArray<ThirdPartyTarget> ThirdPartyInvites { get; init; } = [];

    public JsonElement CreationContent { get; init; }

    public JsonElement PowerLevelContentOverride { get; init; }

    public ImmutableArray<InitialState> InitialState { get; init; } = [];
}

public sealed class CreateRoomValidator : AbstractValidator<CreateRoom>
{
    public CreateRoomValidator()
    {
        RuleFor(command => command.RoomVersion)
            .Must(version => version is null || RoomVersionRules.Find(version) is not null)
            .WithErrorCode(ErrCodes.UnsupportedRoomVersion).WithMessage("This server does not know this room version.");
        RuleFor(command => command.Invite)
            .Must(invite => invite.Length <= Limits.CreateRoomInvitesMax)
            .WithMessage($"At most {Limits.CreateRoomInvitesMax} users can be invited at once.");
        RuleFor(command => command.ThirdPartyInvites)
            .Must(invite => invite.Length <= Limits.CreateRoomThirdPartyInvitesMax)
            .WithMessage(
                $"At most {Limits.CreateRoomThirdPartyInvitesMax} third-party identifiers can be invited at once.");
        RuleForEach(command => command.Invite)
            .Must(user => UserId.TryParse(user, out _)).WithMessage("'invite' must hold user ids.");
        RuleForEach(command => command.InitialState).ChildRules(state =>
        {
            state.RuleFor(entry => entry.Type).IsEventType();
            state.RuleFor(entry => entry.StateKey).IsStateKey();
            state.RuleFor(entry => entry.Content).IsObject();
        });
    }
}

public sealed class CreateRoomHandler(
    IRoomserver rooms,
    AliasBook aliases,
    RoomDirectory directory,
    Memberships memberships,
    RemoteMemberships remote,
    ThirdPartyInvites thirdParty,
    ServerIdentity identity,
    FoundingTimes times,
    IRandom random,
    AppserviceSet? appservices = null) : IRequestHandler<CreateRoom, CommandResult<RoomId>>
{
    private static readonly MatrixError AliasTaken = new(400, ErrCodes.RoomInUse, "This room alias is taken.");

    public async Task<CommandResult<RoomId>> Handle(CreateRoom command, CancellationToken cancellationToken)
    {
        RoomAlias? alias = null;
        if (command.AliasLocalpart is { } localpart)
        {
            if (localpart.Contains(':', StringComparison.Ordinal)
                || !RoomAlias.TryParse($"#{localpart}:{identity.Name}", out var parsed))
                return MatrixError.InvalidParam("'room_alias_name' is not the local part of a room alias.");
            if (appservices?.FindProblemOfAlias(parsed, command.AppserviceId) is { } exclusive)
                return exclusive;
            if (await aliases.ResolveAsync(parsed) is not null)
                return AliasTaken;
            alias = parsed;
        }
        var gathered = await GatherAsync(command, alias);
        if (gathered.Error is not null)
            return gathered.Error;
        var founding = new RoomFounding(command, gathered.Facts!, new DecisionInputs(identity, times.Next()));
        return founding.Decide() switch
        {
            RoomDecision.Accepted accepted => await InviteOthersAsync(
                command, await FoundAsync(command, alias, accepted.Pdus), cancellationToken),
            RoomDecision.Refused refused => refused.Error,
            _ => throw new InvariantException("a room that is founded is new"),
        };
    }

    private async ValueTask<CommandResult<RoomId>> FoundAsync(
        CreateRoom command, RoomAlias? alias, ImmutableArray<DecidedPdu> pdus)
    {
        var roomId = pdus[0].Pdu.RoomId;
        if (alias is { } claimed
            && await aliases.CreateAsync(
                claimed, roomId, command.Creator, AliasTaken, command.Context) is Execution<AliasState>.Refused taken)
            return taken.Error;
        var answer = await rooms.PerformAsync(roomId, new FoundRoom(command.Context, pdus));
        if (answer is RoomAnswer.Refused && alias is { } unused)
            await aliases.DeleteAsync(unused, command.Creator, command.Context);
        if (answer is RoomAnswer.Done && command.IsPublic
            && await directory.SetAsync(
                roomId, true, command.Creator, command.Context) is Execution<DirectoryState>.Done listed)
            return new CommandResult<RoomId>.Done(roomId, listed.Position);
        return answer.To(_ => roomId);
    }

    /// <summary>An invite that another server (an identity server, too) does not take leaves the room as it is: the
    /// client sees who is in it.</summary>
    private async ValueTask<CommandResult<RoomId>> InviteOthersAsync(
        CreateRoom command, CommandResult<RoomId> founded, CancellationToken cancellationToken)
    {
        if (founded is not CommandResult<RoomId>.Done { Value: var roomId })
            return founded;
        foreach (var text in command.Invite.Distinct(StringComparer.Ordinal))
        {
            var userId = UserId.Parse(text);
            if (userId.Server == identity.Name)
                continue;
            var content = MemberContent.Build(Membership.Invite, MemberProfile.Empty, null, command.IsDirect);
            await remote.InviteAsync(command.Context, roomId, command.Creator, userId, content, cancellationToken);
        }
        foreach (var target in command.ThirdPartyInvites)
            await thirdParty.OfferAsync(command.Context, roomId, command.Creator, target, command.IsDirect);
        return founded;
    }

    /// <summary>What the decision needs from outside: profiles, and an id for rooms whose create event does not make
    /// one.</summary>
    private async ValueTask<(FoundingFacts? Facts, MatrixError? Error)> GatherAsync(
        CreateRoom command, RoomAlias? alias)
    {
        var invited = ImmutableArray.CreateBuilder<(UserId, MemberProfile)>();
        foreach (var text in command.Invite.Distinct(StringComparer.Ordinal))
        {
            var userId = UserId.Parse(text);
            // Users of other servers are invited once the room is there: their servers have to sign.
            if (userId.Server != identity.Name)
                continue;
            if (await memberships.FindInviteProblemAsync(userId) is { } blocked)
                return (null, blocked);
            invited.Add((userId, await memberships.ProfileOfAsync(userId)));
        }
        var rules = RoomVersionRules.Find(command.RoomVersion ?? RoomVersionRules.DefaultVersion);
        Invariant.Holds(rules is not null, "the validator knows the room version");
        return (new FoundingFacts(
            rules,
            rules.RoomIdIsCreateHash ? null : NewRoomId(),
            alias,
            await memberships.ProfileOfAsync(command.Creator),
            invited.ToImmutable()), null);
    }

    private RoomId NewRoomId()
    {
        const string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        // 18 letters of 52 are more than 100 bits: nobody meets an id twice, and nobody guesses one.
        Span<byte> bytes = stackalloc byte[18];
        random.Fill(bytes);
        Span<char> localpart = stackalloc char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            localpart[i] = letters[bytes[i] % letters.Length];
        return RoomId.Parse($"!{localpart}:{identity.Name}");
    }
}
