using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

// Joining, leaving, knocking, inviting.
public sealed partial class FederationClient
{
    private const string V1 = "/_matrix/federation/v1";
    private const string V2 = "/_matrix/federation/v2";

    public ValueTask<FederationResult<MembershipTemplate>> MakeJoinAsync(
        ServerName destination,
        RoomId roomId,
        UserId userId,
        IReadOnlyList<string> roomVersions,
        CancellationToken cancellationToken) =>
        MakeAsync(destination, "make_join", roomId, userId, roomVersions, cancellationToken);

    public ValueTask<FederationResult<MembershipTemplate>> MakeKnockAsync(
        ServerName destination,
        RoomId roomId,
        UserId userId,
        IReadOnlyList<string> roomVersions,
        CancellationToken cancellationToken) =>
        MakeAsync(destination, "make_knock", roomId, userId, roomVersions, cancellationToken);

    public ValueTask<FederationResult<MembershipTemplate>> MakeLeaveAsync(
        ServerName destination, RoomId roomId, UserId userId, CancellationToken cancellationToken) =>
        MakeAsync(destination, "make_leave", roomId, userId, [], cancellationToken);

    /// <summary>Sends a signed join; falls back on the first version for servers without the second.</summary>
    /// <param name="destination">A resident server.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="eventId">The join's id.</param>
    /// <param name="pdu">The join in canonical form.</param>
    /// <param name="omitMembers">Whether it may leave members out of the state.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<FederationResult<JoinedRoom>> SendJoinAsync(
        ServerName destination,
        RoomId roomId,
        EventId eventId,
        ReadOnlyMemory<byte> pdu,
        bool omitMembers,
        CancellationToken cancellationToken)
    {
        var path = Path($"{V2}/send_join", roomId.Value, eventId.Value);
        var uri = Query(path, ("omit_members", omitMembers ? Text(true) : null));
        var result = await SendAsync(
            OfWholeRoom(Put(destination, uri, pdu)), AnswerReading.JoinedRoom, cancellationToken);
        if (result is not FederationResult<JoinedRoom>.Refused { Error.IsUnknownEndpoint: true })
            return result;
        path = Path($"{V1}/send_join", roomId.Value, eventId.Value);
        return await SendAsync(
            OfWholeRoom(Put(destination, path, pdu)),
            static body => AnswerReading.JoinedRoom(AnswerReading.SecondOfPair(body)),
            cancellationToken);
    }

    /// <summary>Sends a signed leave; falls back on the first version for servers without the second.</summary>
    public async ValueTask<FederationResult<Done>> SendLeaveAsync(
        ServerName destination,
        RoomId roomId,
        EventId eventId,
        ReadOnlyMemory<byte> pdu,
        CancellationToken cancellationToken)
    {
        var path = Path($"{V2}/send_leave", roomId.Value, eventId.Value);
        var result = await SendAsync(Put(destination, path, pdu), static _ => new Done(), cancellationToken);
        if (result is not FederationResult<Done>.Refused { Error.IsUnknownEndpoint: true })
            return result;
        path = Path($"{V1}/send_leave", roomId.Value, eventId.Value);
        return await SendAsync(Put(destination, path, pdu), static _ => new Done(), cancellationToken);
    }

    /// <summary>Sends a signed knock; answered with what the knocker may show of the room, PDUs or stripped.</summary>
    public ValueTask<FederationResult<RemotePdus>> SendKnockAsync(
        ServerName destination,
        RoomId roomId,
        EventId eventId,
        ReadOnlyMemory<byte> pdu,
        CancellationToken cancellationToken) =>
        SendAsync(
            Put(destination, Path($"{V1}/send_knock", roomId.Value, eventId.Value), pdu),
            static body => AnswerReading.Pdus(body, "knock_room_state"u8),
            cancellationToken);

    /// <summary>Sends an invite to the invited user's server, which signs it.</summary>
    /// <remarks>Falls back on the first version where the room's version is 1 or 2; there the state travels in
    /// <c>unsigned</c>. Shape: strippedState, a JSON array.</remarks>
    public async ValueTask<FederationResult<SignedInvite>> InviteAsync(
        ServerName destination,
        RoomId roomId,
        EventId eventId,
        string roomVersion,
        ReadOnlyMemory<byte> pdu,
        ReadOnlyMemory<byte> strippedState,
        CancellationToken cancellationToken)
    {
        var content = Content(json =>
        {
            json.WritePropertyName("event"u8);
            json.WriteRawValue(pdu.Span, skipInputValidation: true);
            json.WritePropertyName("invite_room_state"u8);
            json.WriteRawValue(strippedState.Span, skipInputValidation: true);
            json.WriteString("room_version"u8, roomVersion);
        });
        var path = Path($"{V2}/invite", roomId.Value, eventId.Value);
        var result = await SendAsync(Put(destination, path, content), AnswerReading.Invite, cancellationToken);
        if (roomVersion is not ("1" or "2")
            || result is not FederationResult<SignedInvite>.Refused { Error.IsUnknownEndpoint: true })
        {
            return result;
        }
        path = Path($"{V1}/invite", roomId.Value, eventId.Value);
        return await SendAsync(
            Put(destination, path, WithStateInUnsigned(pdu, strippedState)),
            static body => AnswerReading.Invite(AnswerReading.SecondOfPair(body)),
            cancellationToken);
    }

    /// <summary>Asks a room's server to turn a third party's invite into a real one. Shape: invite, the member event's
    /// draft in canonical form.</summary>
    public ValueTask<FederationResult<Done>> ExchangeThirdPartyInviteAsync(
        ServerName destination, RoomId roomId, ReadOnlyMemory<byte> invite, CancellationToken cancellationToken) =>
        SendAsync(
            Put(destination, Path($"{V1}/exchange_third_party_invite", roomId.Value), invite),
            static _ => new Done(),
            cancellationToken);

    private ValueTask<FederationResult<MembershipTemplate>> MakeAsync(
        ServerName destination,
        string endpoint,
        RoomId roomId,
        UserId userId,
        IReadOnlyList<string> roomVersions,
        CancellationToken cancellationToken)
    {
        var uri = new StringBuilder(Path($"{V1}/{endpoint}", roomId.Value, userId.Value));
        for (var i = 0; i < roomVersions.Count; i++)
            uri.Append(i == 0 ? '?' : '&').Append("ver=").Append(Uri.EscapeDataString(roomVersions[i]));
        return SendAsync(Get(destination, uri.ToString()), AnswerReading.Template, cancellationToken);
    }

    private static byte[] WithStateInUnsigned(ReadOnlyMemory<byte> pdu, ReadOnlyMemory<byte> strippedState) =>
        Content(json =>
        {
            foreach (var member in JsonElement.Parse(pdu.Span).EnumerateObject())
            {
                if (!member.NameEquals("unsigned"u8))
                    member.WriteTo(json);
            }
            json.WriteStartObject("unsigned"u8);
            json.WritePropertyName("invite_room_state"u8);
            json.WriteRawValue(strippedState.Span, skipInputValidation: true);
            json.WriteEndObject();
        });
}
