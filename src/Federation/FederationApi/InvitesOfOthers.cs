using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Invites of our users to rooms of other servers: signed by us, and recorded so that the user sees
/// them.</summary>
/// <remarks>Spec: v1.19 server-server-api #inviting-to-a-room. Errors: M_INCOMPATIBLE_ROOM_VERSION, M_INVALID_PARAM,
/// M_FORBIDDEN, M_INVITE_BLOCKED.</remarks>
public sealed class InvitesOfOthers(
    IRoomserver rooms, RoomAccess access, PduIntake intake, Memberships memberships, ServerIdentity identity)
{
    public async ValueTask<(Pdu? Signed, MatrixError? Error)> TakeAsync(
        CommandContext context,
        ServerName origin,
        RoomId roomId,
        EventId eventId,
        string roomVersion,
        ReadOnlyMemory<byte> invite,
        JsonElement state,
        CancellationToken cancellationToken)
    {
        if (RoomVersionRules.Find(roomVersion) is not { } rules)
        {
            return (null, new MatrixError(
                400, ErrCodes.IncompatibleRoomVersion, $"Rooms of version {roomVersion} are not supported here.")
            {
                Extra = [new("room_version", JsonSerializer.Serialize(roomVersion))],
            });
        }
        if (!await access.IsAllowedAsync(roomId, origin))
            return (null, MatrixError.Forbidden("Your server is not allowed in this room."));
        var taken = (await intake.TakeAsync([invite], rules, roomId, isOld: false, cancellationToken))[0];
        if (taken.Pdu is not { } pdu)
            return (null, MatrixError.InvalidParam("The invite cannot be taken.") with { Detail = taken.Problem });
        if (pdu.EventId != eventId || pdu.Type != EventTypes.Member || pdu.Membership != "invite"
            || !UserId.TryParse(pdu.StateKey, out var target))
            return (null, MatrixError.InvalidParam("The body is not the invite that the path names."));
        if (target.Server != identity.Name)
            return (null, MatrixError.InvalidParam("The invited user is not of this server."));
        if (pdu.Sender.Server != origin)
            return (null, MatrixError.InvalidParam("The inviting user is of another server than yours."));
        if (rules.RoomIdIsCreateHash
            && await FindStateProblemAsync(state, rules, roomId, cancellationToken) is { } problem)
            return (null, problem);
        if (await memberships.FindInviteProblemAsync(target) is { } blocked)
            return (null, blocked);
        if (PduRewriting.Sign(pdu, identity) is not PduBuildResult.Built { Pdu: var signed })
            return (null, MatrixError.TooLarge("The event is too large to be signed once more."));
        var answer = await rooms.ReceiveAsync(roomId, new ReceiveMembership(context, signed, StrippedOf(state)));
        return answer is InputAnswer.Refused refused ? (null, refused.Error) : (signed, null);
    }

    /// <summary>What is wrong with the state that came along: entries that are no PDUs of the room, or that nobody
    /// signed who must have.</summary>
    /// <remarks>Keys that cannot be had say nothing: whoever made the room may be gone for good.</remarks>
    private async ValueTask<MatrixError?> FindStateProblemAsync(
        JsonElement state, RoomVersionRules rules, RoomId roomId, CancellationToken cancellationToken)
    {
        if (StrippedState.Read(state, rules, roomId) is StrippedStateResult.Refused bad)
            return bad.Error;
        var entries = state.EnumerateArray()
            .Select(static entry => (ReadOnlyMemory<byte>)JsonMarshal.GetRawUtf8Value(entry).ToArray())
            .ToList();
        foreach (var taken in await intake.TakeAsync(entries, rules, roomId, isOld: true, cancellationToken))
        {
            if (taken.Problem is { } problem && taken.KeysMissingOf is null)
                return MatrixError.InvalidParam("The room state is malformed.") with { Detail = problem };
        }
        return null;
    }

    /// <summary>What the user may be shown; entries that are neither PDUs nor stripped state are left out.</summary>
    public static RawJson StrippedOf(JsonElement state)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            if (state.ValueKind == JsonValueKind.Array)
            {
                foreach (var entry in state.EnumerateArray().Take(Limits.StrippedStateEntriesMax))
                    StrippedState.TryWrite(json, entry);
            }
            json.WriteEndArray();
        }
        return new RawJson(buffer.WrittenMemory);
    }
}
