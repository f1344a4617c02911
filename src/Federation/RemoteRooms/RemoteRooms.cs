using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <inheritdoc />
/// <remarks>
/// Spec: v1.19 server-server-api #joining-rooms, #knocking-rooms, #leaving-rooms-rejecting-invites,
/// #inviting-to-a-room.
/// Each server is tried in turn; the first that lets the user in ends it. What the last one said is the answer when
/// none does.
/// </remarks>
public sealed partial class RemoteRooms(
    FederationClient client,
    IRoomserver rooms,
    PduIntake intake,
    ServerIdentity identity,
    TimeProvider clock,
    ILogger<RemoteRooms> logger) : IRemoteRooms
{
    private static readonly string[] Versions = [.. RoomVersionRules.All.Select(rules => rules.Version)];

    public async ValueTask<MatrixError?> JoinAsync(RemoteMembership join, CancellationToken cancellationToken)
    {
        MatrixError? error = null;
        foreach (var server in join.Servers)
        {
            var failure = await TryJoinAsync(server, join, cancellationToken);
            if (failure is null)
                return null;
            LogRefused("join", join.RoomId.Value, server.Value, failure.ErrCode, failure.Detail ?? failure.Message);
            // A server's own word weighs more than that another one is away.
            if (error is null || error.Status == 502)
                error = failure;
        }
        return error;
    }

    public async ValueTask<MatrixError?> KnockAsync(RemoteMembership knock, CancellationToken cancellationToken)
    {
        MatrixError? error = null;
        foreach (var server in knock.Servers)
        {
            var made = await client.MakeKnockAsync(
                server, knock.RoomId, knock.UserId, Versions, cancellationToken);
            if (made.ValueOrDefault is not { } template)
            {
                error = RemoteErrors.Of(made);
                continue;
            }
            var (pdu, problem) = Complete(template, knock, "knock");
            if (pdu is null)
            {
                error = problem;
                continue;
            }
            var sent = await client.SendKnockAsync(server, knock.RoomId, pdu.EventId, pdu.Json, cancellationToken);
            if (sent.ValueOrDefault is not { } state)
            {
                error = RemoteErrors.Of(sent);
                continue;
            }
            var answer = await rooms.ReceiveAsync(
                knock.RoomId, new ReceiveMembership(knock.Context, pdu, StrippedOf(state)));
            return answer is InputAnswer.Refused refused ? refused.Error : null;
        }
        return error;
    }

    public async ValueTask<MatrixError?> LeaveAsync(RemoteMembership leave, CancellationToken cancellationToken)
    {
        MatrixError? error = null;
        foreach (var server in leave.Servers)
        {
            var made = await client.MakeLeaveAsync(server, leave.RoomId, leave.UserId, cancellationToken);
            if (made.ValueOrDefault is not { } template)
            {
                error = RemoteErrors.Of(made);
                continue;
            }
            var (pdu, problem) = Complete(template, leave, "leave");
            if (pdu is null)
            {
                error = problem;
                continue;
            }
            var sent = await client.SendLeaveAsync(server, leave.RoomId, pdu.EventId, pdu.Json, cancellationToken);
            if (sent.ValueOrDefault is null)
            {
                error = RemoteErrors.Of(sent);
                continue;
            }
            var answer = await rooms.ReceiveAsync(
                leave.RoomId, new ReceiveMembership(leave.Context, pdu, new RawJson("[]"u8.ToArray())));
            return answer is InputAnswer.Refused refused ? refused.Error : null;
        }
        return error;
    }

    public async ValueTask<(Pdu? Signed, MatrixError? Error)> InviteAsync(
        Pdu invite, RawJson state, CancellationToken cancellationToken)
    {
        var target = UserId.Parse(invite.StateKey!);
        var answer = await client.InviteAsync(
            target.Server,
            invite.RoomId,
            invite.EventId,
            invite.Rules.Version,
            invite.Json,
            state.Utf8,
            cancellationToken);
        if (answer.ValueOrDefault is not { } signed)
            return (null, RemoteErrors.Of(answer));
        // The same event, with one more signature: anything else is not what was asked for.
        if (PduParser.Parse(signed.Event, invite.Rules) is not PduParseResult.Parsed { Pdu: var returned }
            || returned.EventId != invite.EventId
            || !PduSignatures.SignedPart(returned).AsSpan().SequenceEqual(PduSignatures.SignedPart(invite)))
            return (null, RemoteErrors.Unusable(target.Server));
        // Only their own signatures are taken: those that the invite had, ours and the policy server's, must stay.
        return PduRewriting.CopySignatures(returned, target.Server, invite) is PduBuildResult.Built built
            ? (built.Pdu, null)
            : (null, RemoteErrors.Unusable(target.Server));
    }

    public async ValueTask<(RoomId? RoomId, IReadOnlyList<ServerName> Servers)> ResolveAliasAsync(
        RoomAlias alias, CancellationToken cancellationToken)
    {
        var answer = await client.QueryDirectoryAsync(alias.Server, alias, cancellationToken);
        return answer.ValueOrDefault is { } found
            ? (found.RoomId, [alias.Server, .. found.Servers.Where(server => server != alias.Server)])
            : (null, []);
    }

    private async ValueTask<MatrixError?> TryJoinAsync(
        ServerName server, RemoteMembership join, CancellationToken cancellationToken)
    {
        var made = await client.MakeJoinAsync(server, join.RoomId, join.UserId, Versions, cancellationToken);
        if (made.ValueOrDefault is not { } template)
            return RemoteErrors.Of(made);
        var (pdu, problem) = Complete(template, join, "join");
        if (pdu is null)
            return problem;
        var sent = await client.SendJoinAsync(
            server, join.RoomId, pdu.EventId, pdu.Json, omitMembers: false, cancellationToken);
        if (sent.ValueOrDefault is not { } joined)
            return RemoteErrors.Of(sent);
        // A restricted join comes back with the signature of who let us in.
        if (joined.Event is { } returned
            && PduParser.Parse(returned, pdu.Rules) is PduParseResult.Parsed { Pdu: var signed }
            && signed.EventId == pdu.EventId)
            pdu = PduRewriting.WithoutUnsigned(signed);
        var chain = await intake.TakeGoodAsync(joined.AuthChain, pdu.Rules, join.RoomId, cancellationToken);
        var state = await intake.TakeGoodAsync(joined.State, pdu.Rules, join.RoomId, cancellationToken);
        var answer = await rooms.ReceiveAsync(
            join.RoomId, new InstallRoom(join.Context, pdu.Rules, pdu, state, chain));
        return answer switch
        {
            InputAnswer.Refused refused => refused.Error,
            InputAnswer.Done { Outcomes: [{ IsShown: true }] } => null,
            _ => MatrixError.Forbidden("The room changed meanwhile, and the join is not allowed any more."),
        };
    }

    /// <summary>The event that a template asks for, signed. The template is another server's: what it must say is
    /// checked, and only its references are taken.</summary>
    private (Pdu? Pdu, MatrixError? Error) Complete(
        MembershipTemplate template, RemoteMembership request, string membership)
    {
        if (RoomVersionRules.Find(template.RoomVersion) is not { } rules)
        {
            return (null, new MatrixError(
                400, ErrCodes.UnsupportedRoomVersion, $"Rooms of version {template.RoomVersion} are not supported."));
        }
        var completed = TemplateCompletion.Complete(
            template.Event, rules, request, membership, clock.GetUtcNow().ToUnixTimeMilliseconds(), identity);
        return completed is PduBuildResult.Built built
            ? (built.Pdu, null)
            : (null, new MatrixError(
                502,
                ErrCodes.Unknown,
                "The other server's answer cannot be used.",
                (completed as PduBuildResult.Refused)?.Error.Message));
    }

    private static RawJson StrippedOf(RemotePdus state)
    {
        var array = new List<byte> { (byte)'[' };
        foreach (var pdu in state.Pdus)
        {
            if (array.Count > 1)
                array.Add((byte)',');
            array.AddRange(pdu.Span);
        }
        array.Add((byte)']');
        return InvitesOfOthers.StrippedOf(JsonElement.Parse(
            array.ToArray(), new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax }));
    }

    [LoggerMessage(
        LogLevel.Information, "The {kind} of the room {room_id} through {server} failed: {errcode}, {reason}")]
    private partial void LogRefused(string kind, string room_id, string server, string errcode, string reason);
}
