using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Users of other servers join, leave and knock through us, as a server that is in the room.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #joining-rooms, #leaving-rooms-rejecting-invites, #knocking-rooms.
/// Shape: "make" answers a template that our rules let in as the room is now; "send" takes what the other server made
/// of it, with our signature where one of our members vouches for a restricted join.
/// </remarks>
public sealed class ResidentMemberships(
    IRoomserver rooms,
    IRoomserverQueries queries,
    RoomAccess access,
    MembershipDrafts drafts,
    PduIntake intake,
    RoomReception reception,
    ServerIdentity identity)
{
    private static readonly JsonElement JoinContent = JsonElement.Parse("""{"membership":"join"}"""u8);

    /// <summary>A template, without what only the sender can make.</summary>
    public sealed record Template(string RoomVersion, Pdu Pdu);

    /// <summary>A sent member event as it was taken, and the state shown to who knocks.</summary>
    public sealed record Taken(Pdu Pdu, RawJson StatePdus);

    /// <summary>Errors: M_NOT_FOUND, M_FORBIDDEN, M_INCOMPATIBLE_ROOM_VERSION, M_UNABLE_TO_AUTHORISE_JOIN,
    /// M_UNABLE_TO_GRANT_JOIN.</summary>
    public async ValueTask<(Template? Template, MatrixError? Error)> MakeAsync(
        CommandContext context,
        ServerName origin,
        RoomId roomId,
        UserId userId,
        string membership,
        IReadOnlyCollection<string>? versions,
        CancellationToken cancellationToken)
    {
        if (userId.Server != origin)
            return (null, MatrixError.Forbidden("The user is of another server than yours."));
        if (await access.CheckAsync(roomId, origin, cancellationToken) is { } refused)
            return (null, refused);
        var version = await queries.FindRoomVersionAsync(roomId, cancellationToken);
        if (version is null)
            return (null, MatrixError.NotFound("This server is not in the room."));
        if (versions is not null && !versions.Contains(version))
        {
            return (null, new MatrixError(
                400, ErrCodes.IncompatibleRoomVersion, $"Your server does not support the room's version, {version}.")
            {
                Extra = [new("room_version", $"\"{version}\"")],
            });
        }
        var content = JsonElement.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"membership":"{{membership}}"}"""));
        return await drafts.BuildAsync(context, roomId, userId, userId, content) switch
        {
            CommandResult<MembershipDrafts.Draft>.Done done => (new Template(version, done.Value.Pdu), null),
            CommandResult<MembershipDrafts.Draft>.Refused refusal => (null, refusal.Error),
            _ => throw new InvariantException("a draft is done or refused"),
        };
    }

    public async ValueTask<(Taken? Taken, MatrixError? Error)> SendAsync(
        CommandContext context,
        ServerName origin,
        RoomId roomId,
        EventId eventId,
        string membership,
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken)
    {
        if (await access.CheckAsync(roomId, origin, cancellationToken) is { } refused)
            return (null, refused);
        if (await queries.FindRoomVersionAsync(roomId, cancellationToken) is not { } version
            || RoomVersionRules.Find(version) is not { } rules)
            return (null, MatrixError.NotFound("This server is not in the room."));
        var (sent, mismatch) = Read(body, rules, origin, roomId, eventId, membership);
        if (sent is null)
            return (null, mismatch);
        var (pdu, problem) = await VerifyAsync(context, sent, body, cancellationToken);
        if (pdu is null)
            return (null, problem);
        var state = await StateForAsync(context, roomId, pdu);
        var input = new ReceivePdus(context, [new ReceivedPdu(pdu) { SendOn = identity.Name }]);
        var answer = await rooms.ReceiveAsync(roomId, input);
        if (answer is InputAnswer.Done { Outcomes: [InputOutcome.Missing] })
        {
            // Made from somebody else's template: what it builds on is fetched from who sends it.
            var outcomes = await reception.ReceiveAsync(context, origin, roomId, [pdu], cancellationToken);
            answer = new InputAnswer.Done([outcomes[0]!]);
        }
        return answer switch
        {
            InputAnswer.Done { Outcomes: [{ IsShown: true }] } => (new Taken(pdu, state), null),
            InputAnswer.Done { Outcomes: [InputOutcome.Recorded recorded] } =>
                (null, MatrixError.Forbidden("The room does not allow it.", recorded.Reason)),
            InputAnswer.Refused unusable => (null, unusable.Error),
            _ => (null, MatrixError.Forbidden("The room does not allow it.")),
        };
    }

    /// <summary>Reads the event: it must be what the path says, and its sender's own.</summary>
    /// <remarks>Errors: M_INVALID_PARAM, as the spec recommends for all of it.</remarks>
    private static (Pdu? Sent, MatrixError? Error) Read(
        ReadOnlyMemory<byte> body,
        RoomVersionRules rules,
        ServerName origin,
        RoomId roomId,
        EventId eventId,
        string membership) => PduParser.Parse(body, rules) switch
        {
            PduParseResult.Refused refused => (null, refused.Error),
            PduParseResult.Parsed { Pdu: var pdu } when pdu.RoomId != roomId || pdu.EventId != eventId
                || pdu.Type != EventTypes.Member || pdu.StateKey != pdu.Sender.Value || pdu.Membership != membership =>
                (null, MatrixError.InvalidParam($"The body is not the {membership} that the path names.")),
            PduParseResult.Parsed { Pdu: var pdu } when pdu.Sender.Server != origin =>
                (null, MatrixError.InvalidParam("The user is of another server than yours.")),
            PduParseResult.Parsed parsed => (parsed.Pdu, null),
            _ => throw new InvariantException("a PDU is parsed or refused"),
        };

    /// <summary>Checks the signatures, ours being added where one of our members is said to vouch for the
    /// join.</summary>
    /// <remarks>Whoever may not join by what we know of the room's conditions is not vouched for, whatever template was
    /// made for them, and whether any was.</remarks>
    private async ValueTask<(Pdu? Pdu, MatrixError? Error)> VerifyAsync(
        CommandContext context, Pdu sent, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        if (VouchedByUs(sent))
        {
            if (await drafts.BuildAsync(context, sent.RoomId, sent.Sender, sent.Sender, JoinContent)
                is CommandResult<MembershipDrafts.Draft>.Refused refused)
                return (null, refused.Error);
            if (PduRewriting.Sign(sent, identity) is not PduBuildResult.Built signed)
                return (null, MatrixError.TooLarge("The event is too large to be signed once more."));
            body = signed.Pdu.Json;
        }
        var taken = (await intake.TakeAsync([body], sent.Rules, sent.RoomId, isOld: false, cancellationToken))[0];
        return taken.Pdu is not null
            ? (taken.Pdu, null)
            : (null, MatrixError.InvalidParam("The event's signatures do not hold.") with { Detail = taken.Problem });
    }

    private bool VouchedByUs(Pdu pdu) =>
        pdu.Rules.RestrictedJoins
        && pdu.Membership == "join"
        && pdu.FindContentString("join_authorised_via_users_server"u8) is { } text
        && UserId.TryParse(text, out var voucher)
        && voucher.Server == identity.Name;

    private async ValueTask<RawJson> StateForAsync(CommandContext context, RoomId roomId, Pdu pdu)
    {
        if (pdu.Membership != "knock")
            return new RawJson("[]"u8.ToArray());
        return await drafts.BuildAsync(context, roomId, pdu.Sender, pdu.Sender, pdu.Content)
            is CommandResult<MembershipDrafts.Draft>.Done { Value: var draft }
                ? draft.StatePdus
                : new RawJson("[]"u8.ToArray());
    }
}
