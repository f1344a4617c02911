using System.Collections.Concurrent;
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
/// <code>
///   make ─► server 1 ┄ silent ┄ or no ─► server 2 ┄ … ┄ at most so many
///              └─► its template, completed ─► send, to it alone ─► recorded: the others are not waited for
///                                               └ no ─► the next template that came, or the next server
/// </code>
/// One event is sent at a time, so nobody joins twice through two servers that both take their time. When none lets the
/// user in, the most telling of their answers is the client's.
/// </remarks>
public sealed partial class RemoteRooms(
    FederationClient client,
    IRoomserver rooms,
    PduIntake intake,
    RoomReception reception,
    ServerIdentity identity,
    TimeProvider clock,
    ILogger<RemoteRooms> logger) : IRemoteRooms
{
    private static readonly MatrixError Abandoned = new(503, ErrCodes.Unknown, "The join was given up; try again.");
    private static readonly RawJson NoState = new("[]"u8.ToArray());
    private static readonly string[] Versions = [.. RoomVersionRules.All.Select(rules => rules.Version)];

    private readonly ConcurrentDictionary<(RoomId, UserId), Task<MatrixError?>> _joinsUnderWay = new();

    /// <inheritdoc />
    public async ValueTask TakeAsync(CommandContext context, Pdu pdu, CancellationToken cancellationToken) =>
        await reception.ReceiveAsync(context, pdu.Sender.Server, pdu.RoomId, [pdu], cancellationToken);

    /// <inheritdoc />
    /// <remarks>Who asks again while a join is under way gets its outcome: there is one join.</remarks>
    public async ValueTask<MatrixError?> JoinAsync(RemoteMembership join, CancellationToken cancellationToken)
    {
        var key = (join.RoomId, join.UserId);
        var mine = new TaskCompletionSource<MatrixError?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = _joinsUnderWay.GetOrAdd(key, mine.Task);
        if (first != mine.Task)
            return await first.WaitAsync(cancellationToken);
        MatrixError? error = Abandoned;
        try
        {
            return error = await TryAsync("join", join, MakeJoinAsync, SendJoinAsync, cancellationToken);
        }
        finally
        {
            _joinsUnderWay.TryRemove(key, out _);
            mine.SetResult(error);
        }
    }

    public ValueTask<MatrixError?> KnockAsync(RemoteMembership knock, CancellationToken cancellationToken) =>
        TryAsync("knock", knock, MakeKnockAsync, SendKnockAsync, cancellationToken);

    public ValueTask<MatrixError?> LeaveAsync(RemoteMembership leave, CancellationToken cancellationToken) =>
        TryAsync("leave", leave, MakeLeaveAsync, SendLeaveAsync, cancellationToken);

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
        {
            // Clients and servers have two words for it.
            var error = RemoteErrors.Of(answer);
            return (null, error.ErrCode == ErrCodes.IncompatibleRoomVersion
                ? error with { ErrCode = ErrCodes.UnsupportedRoomVersion }
                : error);
        }
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

    public async ValueTask<MatrixError?> ExchangeThirdPartyInviteAsync(
        ServerName server, RoomId roomId, RawJson invite)
    {
        var answer = await client.ExchangeThirdPartyInviteAsync(server, roomId, invite.Utf8, CancellationToken.None);
        return answer.ValueOrDefault is null ? RemoteErrors.Of(answer) : null;
    }

    public async ValueTask<(RoomId? RoomId, IReadOnlyList<ServerName> Servers)> ResolveAliasAsync(
        RoomAlias alias, CancellationToken cancellationToken)
    {
        var answer = await client.QueryDirectoryAsync(alias.Server, alias, cancellationToken);
        return answer.ValueOrDefault is { } found
            ? (found.RoomId, [alias.Server, .. found.Servers.Where(server => server != alias.Server)])
            : (null, []);
    }

    private delegate ValueTask<FederationResult<MembershipTemplate>> Maker(
        ServerName server, RemoteMembership request, CancellationToken cancellationToken);

    /// <summary>Null: the membership is recorded here. IsFinal: no other server can make it better.</summary>
    private delegate ValueTask<(MatrixError? Error, bool IsFinal)> Sender(
        ServerName server, RemoteMembership request, Pdu pdu, CancellationToken cancellationToken);

    private ValueTask<FederationResult<MembershipTemplate>> MakeJoinAsync(
        ServerName server, RemoteMembership join, CancellationToken cancellationToken) =>
        client.MakeJoinAsync(server, join.RoomId, join.UserId, Versions, cancellationToken);

    private ValueTask<FederationResult<MembershipTemplate>> MakeKnockAsync(
        ServerName server, RemoteMembership knock, CancellationToken cancellationToken) =>
        client.MakeKnockAsync(server, knock.RoomId, knock.UserId, Versions, cancellationToken);

    private ValueTask<FederationResult<MembershipTemplate>> MakeLeaveAsync(
        ServerName server, RemoteMembership leave, CancellationToken cancellationToken) =>
        client.MakeLeaveAsync(server, leave.RoomId, leave.UserId, cancellationToken);

    /// <summary>Templates from several servers, then what was made of one of them to that one server, until one takes
    /// it.</summary>
    private async ValueTask<MatrixError?> TryAsync(
        string membership, RemoteMembership request, Maker make, Sender send, CancellationToken cancellationToken)
    {
        MatrixError? telling = null;
        using var race = new ServerRace<MembershipTemplate>(
            request.Servers,
            (server, ended) => make(server, request, ended),
            RemoteRoomsLimits.Patience,
            clock,
            cancellationToken);
        while (await race.NextAsync() is var (server, made))
        {
            var (error, isFinal) = (RemoteErrors.Of(made), false);
            if (made.ValueOrDefault is { } template)
            {
                var (pdu, problem) = Complete(template, request, membership);
                (error, isFinal) = pdu is null
                    ? (problem!, false)
                    : await send(server, request, pdu, cancellationToken);
            }
            if (error is null)
                return null;
            LogRefused(membership, request.RoomId.Value, server.Value, error.ErrCode, error.Detail ?? error.Message);
            if (isFinal)
                return error;
            telling = RemoteErrors.MoreTelling(telling, error);
        }
        return telling;
    }

    private async ValueTask<(MatrixError? Error, bool IsFinal)> SendJoinAsync(
        ServerName server, RemoteMembership join, Pdu pdu, CancellationToken cancellationToken)
    {
        var sent = await client.SendJoinAsync(
            server, join.RoomId, pdu.EventId, pdu.Json, omitMembers: false, cancellationToken);
        if (sent.ValueOrDefault is not { } joined)
            return (RemoteErrors.Of(sent), false);
        // A restricted join comes back with the signature of who let us in, any with the policy server's.
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
            InputAnswer.Refused refused => (refused.Error, IsOurs(refused.Error)),
            InputAnswer.Done { Outcomes: [{ IsShown: true }] } => (null, true),
            _ => (MatrixError.Forbidden("The room changed meanwhile, and the join is not allowed any more."), false),
        };
    }

    private async ValueTask<(MatrixError? Error, bool IsFinal)> SendKnockAsync(
        ServerName server, RemoteMembership knock, Pdu pdu, CancellationToken cancellationToken)
    {
        var sent = await client.SendKnockAsync(server, knock.RoomId, pdu.EventId, pdu.Json, cancellationToken);
        return sent.ValueOrDefault is { } state
            ? await RecordAsync(knock, pdu, await ShownOfAsync(pdu, state, cancellationToken))
            : (RemoteErrors.Of(sent), false);
    }

    private async ValueTask<(MatrixError? Error, bool IsFinal)> SendLeaveAsync(
        ServerName server, RemoteMembership leave, Pdu pdu, CancellationToken cancellationToken)
    {
        var sent = await client.SendLeaveAsync(server, leave.RoomId, pdu.EventId, pdu.Json, cancellationToken);
        return sent.ValueOrDefault is not null
            ? await RecordAsync(leave, pdu, NoState)
            : (RemoteErrors.Of(sent), false);
    }

    /// <summary>The other server has it: what is wrong from now on is wrong here.</summary>
    private async ValueTask<(MatrixError? Error, bool IsFinal)> RecordAsync(
        RemoteMembership request, Pdu pdu, RawJson state)
    {
        var answer = await rooms.ReceiveAsync(
            request.RoomId, new ReceiveMembership(request.Context, pdu, state));
        return ((answer as InputAnswer.Refused)?.Error, true);
    }

    /// <summary>Our storage is away, or the room's worker is: another server would not help.</summary>
    private static bool IsOurs(MatrixError error) => error.Status >= 500;

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

    /// <summary>What the user who knocked may be shown.</summary>
    /// <remarks>Spec: v1.19 server-server-api #put_matrixfederationv1send_knockroomideventid: without entries that are
    /// improperly signed or formatted. What is stripped already, as many send up to version 11, has no
    /// signatures.</remarks>
    private async ValueTask<RawJson> ShownOfAsync(Pdu knock, RemotePdus state, CancellationToken cancellationToken)
    {
        var taken = await intake.TakeAsync(state.Pdus, knock.Rules, knock.RoomId, isOld: true, cancellationToken);
        var array = new List<byte> { (byte)'[' };
        for (var i = 0; i < state.Pdus.Length; i++)
        {
            var isStripped = taken[i].EventId is null && !knock.Rules.RoomIdIsCreateHash;
            if (taken[i].Problem is not null && taken[i].KeysMissingOf is null && !isStripped)
                continue;
            if (array.Count > 1)
                array.Add((byte)',');
            array.AddRange(state.Pdus[i].Span);
        }
        array.Add((byte)']');
        return InvitesOfOthers.StrippedOf(JsonElement.Parse(
            array.ToArray(), new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax }));
    }

    [LoggerMessage(
        LogLevel.Information, "The {kind} of the room {room_id} through {server} failed: {errcode}, {reason}")]
    private partial void LogRefused(string kind, string room_id, string server, string errcode, string reason);
}
