using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Third-party invites that others want to be made real.</summary>
/// <remarks>Spec: v1.19 server-server-api #third-party-invites. What is signed is checked by the room: the keys are in
/// its state.</remarks>
public sealed partial class ThirdPartyRedemption(
    ThirdPartyInvites invites, RoomAccess access, ServerIdentity identity, ILogger<ThirdPartyRedemption> logger)
{
    /// <summary>LIMIT: invites that are taken up at once. Ours.</summary>
    private const int AtOnce = 8;

    /// <summary>The server of who was invited asks us, who invited them.</summary>
    /// <remarks>Errors: M_BAD_JSON, M_INVALID_PARAM for what is no invite of the room by one of our users to one of
    /// theirs; M_NOT_FOUND, M_FORBIDDEN.</remarks>
    public async ValueTask<MatrixError?> ExchangeAsync(
        CommandContext context,
        ServerName origin,
        RoomId roomId,
        JsonElement invite,
        CancellationToken cancellationToken)
    {
        if (!invite.TryGetProperty("content"u8, out var content) || content.ValueKind != JsonValueKind.Object
            || !content.TryGetProperty("third_party_invite"u8, out var thirdParty)
            || thirdParty.ValueKind != JsonValueKind.Object
            || ReadSigned(thirdParty) is not { } signed)
            return MatrixError.BadJson("The content needs a third_party_invite with 'signed' in it.");
        if (ReceivedJson.Text(invite, "type") != EventTypes.Member
            || ReceivedJson.Text(content, "membership") != "invite"
            || ReceivedJson.Text(invite, "room_id") != roomId.Value
            || !UserId.TryParse(ReceivedJson.Text(invite, "sender"), out var sender)
            || !UserId.TryParse(ReceivedJson.Text(invite, "state_key"), out var target)
            || ReceivedJson.Text(signed, "mxid") != target.Value)
            return MatrixError.InvalidParam("This is no invite to the room in the path, or not of who was signed for.");
        if (sender.Server != identity.Name || target.Server != origin)
            return MatrixError.Forbidden("Only our users' invites of your users can be exchanged here.");
        if (await access.CheckAsync(roomId, origin, cancellationToken) is { } refused)
            return refused;
        var answer = await invites.RedeemAsync(context, roomId, sender, target, signed);
        return (answer as RoomAnswer.Refused)?.Error;
    }

    /// <summary>An identity server says that a user of ours owns an address that was invited.</summary>
    /// <remarks>Invites that cannot be taken up are logged and passed over: nobody could do anything about
    /// them.</remarks>
    public async ValueTask TakeUpAsync(CommandContext context, UserId target, JsonElement invites)
    {
        foreach (var some in invites.EnumerateArray().Chunk(AtOnce))
            await Task.WhenAll(some.Select(invite => TakeUpOneAsync(context, target, invite)));
    }

    private async Task TakeUpOneAsync(CommandContext context, UserId target, JsonElement invite)
    {
        if (invite.ValueKind != JsonValueKind.Object
            || !RoomId.TryParse(ReceivedJson.Text(invite, "room_id"), out var roomId)
            || !UserId.TryParse(ReceivedJson.Text(invite, "sender"), out var sender)
            || ReadSigned(invite) is not { } signed
            || ReceivedJson.Text(signed, "mxid") != target.Value)
        {
            LogUnreadable(target.Value);
            return;
        }
        if (await invites.TakeUpAsync(context, roomId, sender, target, signed) is { } error)
            LogNotTakenUp(target.Value, roomId.Value, sender.Value, error.ErrCode, error.Detail ?? error.Message);
    }

    private static JsonElement? ReadSigned(JsonElement holder) =>
        holder.TryGetProperty("signed"u8, out var signed) && signed.ValueKind == JsonValueKind.Object
        && ReceivedJson.Text(signed, "token") is not null
        && Protocol.Json.CanonicalJson.FindViolation(signed) is null
            ? signed
            : null;

    [LoggerMessage(LogLevel.Information, "An invite of a third party for {user_id} cannot be read.")]
    private partial void LogUnreadable(string user_id);

    [LoggerMessage(
        LogLevel.Information,
        "{user_id} could not be invited to the room {room_id} in the name of {sender}: {errcode}, {reason}")]
    private partial void LogNotTakenUp(string user_id, string room_id, string sender, string errcode, string reason);
}
