using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>What the decision on a new room needs from outside. RoomId null: the create event makes it.</summary>
internal sealed record FoundingFacts(
    RoomVersionRules Rules,
    RoomId? RoomId,
    RoomAlias? Alias,
    MemberProfile CreatorProfile,
    ImmutableArray<(UserId UserId, MemberProfile Profile)> Invited);

/// <summary>Decides all PDUs of a new room.</summary>
/// <remarks>
/// <code>
///   1 m.room.create          4 m.room.canonical_alias    7 m.room.name, m.room.topic
///   2 the creator's join     5 events of the preset      8 invites
///   3 m.room.power_levels    6 initial_state
/// </code>
/// Spec: v1.19 client-server-api #post_matrixclientv3createroom gives the order. Each PDU is authorised by the state
/// that the ones before it made.
/// Errors: M_INVALID_ROOM_STATE when the rules refuse one of them; M_BAD_JSON and M_TOO_LARGE for contents that cannot
/// be.
/// </remarks>
internal sealed class RoomFounding(CreateRoom command, FoundingFacts facts, DecisionInputs inputs)
{
    private readonly RoomDraft _draft = new(facts.Rules, facts.RoomId, inputs);

    public RoomDecision Decide()
    {
        if (FindProblem() is { } problem)
            return problem;
        foreach (var next in Events())
        {
            if (_draft.Add(next) is { } error)
                return error.Status == 403
                    ? new MatrixError(400, ErrCodes.InvalidRoomState,
                        $"The room's {next.Type} is refused: {error.Message}", error.Detail)
                    : error;
        }
        foreach (var (userId, profile) in facts.Invited)
        {
            var content = MemberContent.Build(Membership.Invite, profile, null, command.IsDirect);
            var invite = new NewPdu(EventTypes.Member, userId.Value, command.Creator, content)
            {
                StrippedState = ShownRoomState.Build(_draft, command.Creator),
            };
            if (_draft.Add(invite) is { } error)
                return error;
        }
        return _draft.Accept();
    }

    private MatrixError? FindProblem()
    {
        if (InitialRoomContents.FindProblem(command, facts) is { } problem)
            return MatrixError.BadJson(problem);
        foreach (var state in command.InitialState)
        {
            if (state.Type is EventTypes.Create or EventTypes.Member)
                return new MatrixError(400, ErrCodes.InvalidRoomState, $"'initial_state' cannot hold {state.Type}.");
            if (state.Type == EventTypes.PowerLevels && PowerLevelsShape.FindProblem(state.Content) is { } badLevels)
                return MatrixError.BadJson(badLevels);
        }
        return null;
    }

    private IEnumerable<NewPdu> Events()
    {
        yield return State(EventTypes.Create, InitialRoomContents.Create(command, facts));
        var join = MemberContent.Build(Membership.Join, facts.CreatorProfile);
        yield return new NewPdu(EventTypes.Member, command.Creator.Value, command.Creator, join);
        yield return State(EventTypes.PowerLevels, InitialRoomContents.PowerLevels(command, facts));
        if (facts.Alias is { } alias)
            yield return State(
                EventTypes.CanonicalAlias, JsonContent.WithString(JsonContent.Empty, "alias", alias.Value));
        foreach (var (type, member, value) in OfPreset(command.Preset))
        {
            if (!IsInitial(type))
                yield return State(type, JsonContent.WithString(JsonContent.Empty, member, value));
        }
        foreach (var state in command.InitialState)
        {
            if (!IsOverridden(state))
                yield return new NewPdu(state.Type, state.StateKey, command.Creator, state.Content);
        }
        if (command.Name is { } name)
            yield return State(EventTypes.Name, JsonContent.WithString(JsonContent.Empty, "name", name));
        if (command.Topic is { } topic)
            yield return State(EventTypes.Topic, InitialRoomContents.Topic(topic));
    }

    private NewPdu State(string type, JsonElement content) => new(type, string.Empty, command.Creator, content);

    /// <summary>What initial_state sets takes the place of the preset's event.</summary>
    private bool IsInitial(string type) =>
        command.InitialState.Any(state => state.Type == type && state.StateKey.Length == 0);

    /// <summary>What name and topic set takes the place of initial_state's event.</summary>
    private bool IsOverridden(InitialState state) => state.StateKey.Length == 0
        && ((state.Type == EventTypes.Name && command.Name is not null)
            || (state.Type == EventTypes.Topic && command.Topic is not null));

    private static (string Type, string Member, string Value)[] OfPreset(RoomPreset preset)
    {
        var isPublic = preset == RoomPreset.PublicChat;
        return
        [
            (EventTypes.JoinRules, "join_rule", isPublic ? "public" : "invite"),
            (EventTypes.HistoryVisibility, "history_visibility", "shared"),
            (EventTypes.GuestAccess, "guest_access", isPublic ? "forbidden" : "can_join"),
        ];
    }
}
