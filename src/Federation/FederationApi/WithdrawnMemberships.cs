using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Invites that are taken back, and knocks that are refused, in rooms that are not here.</summary>
/// <remarks>
/// The spec has no endpoint for it; in practice servers send the member event, as they do to servers in the room.
/// Nobody can authorise it without the room's state, so it is believed of those on whose word the user was told of the
/// room in the first place: the server that invited, and those of who wrote the state that came with the invite or the
/// knock.
/// Requires: it cites the invite or knock among its auth events, so that an old one ends no newer invite.
/// </remarks>
public sealed class WithdrawnMemberships(
    IRoomserver rooms, RemoteMemberships memberships, PduIntake intake, ServerIdentity identity)
{
    private static readonly RawJson NoState = new("[]"u8.ToArray());

    /// <summary>Takes a PDU of a room that is not here; false where it ends no membership of a user of ours.</summary>
    public async ValueTask<bool> TakeAsync(
        CommandContext context, RoomId roomId, ReadOnlyMemory<byte> received, CancellationToken cancellationToken)
    {
        if (FindTarget(received) is not { } target
            || await memberships.FindStandingAsync(roomId, target) is not { } standing
            || standing.Member.Membership is not ("invite" or "knock"))
            return false;
        var rules = standing.Member.Rules;
        var taken = (await intake.TakeAsync([received], rules, roomId, isOld: false, cancellationToken))[0];
        if (taken.Pdu is not { } end
            || !end.AuthEvents.Contains(standing.Member.EventId)
            || !(end.Sender.Server == standing.Member.Sender.Server
                || standing.WritersOfState().Contains(end.Sender.Server)))
            return false;
        return await rooms.ReceiveAsync(roomId, new ReceiveMembership(context, end, NoState)) is InputAnswer.Done;
    }

    /// <summary>Whose invite or knock the PDU would end.</summary>
    private UserId? FindTarget(ReadOnlyMemory<byte> received)
    {
        var pdu = JsonElement.Parse(received.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        return Text(pdu, "type") == EventTypes.Member
            && UserId.TryParse(Text(pdu, "state_key"), out var target)
            && target.Server == identity.Name
            && Text(pdu, "sender") != target.Value
            && pdu.TryGetProperty("content"u8, out var content)
            && Text(content, "membership") is "leave" or "ban"
                ? target
                : null;
    }

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object
        && json.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
