using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>The content-addressed nodes of all rooms' state maps.</summary>
/// <remarks>
/// Ensures: what <see cref="WriteAsync"/> returned from is read by every later <see cref="FindAsync"/>. Nodes are
/// immutable and shared by rooms.
/// LOCK: nodes are written before the fact that names their root is appended; a node that no fact ever names is
/// harmless.
/// </remarks>
public interface IStateNodeStore
{
    /// <summary>The bytes of a node, or null when it is not stored.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(StateRoot hash);

    /// <summary>Stores nodes; those that exist already stay as they are.</summary>
    ValueTask WriteAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> nodes);
}

/// <summary>PDUs of the log by their id.</summary>
public interface IPduStore
{
    /// <summary>Those of the ids that are known, in no order.</summary>
    /// <remarks>Ensures: every PDU whose append returned before this call is found (the read waits for its
    /// projection).</remarks>
    ValueTask<IReadOnlyList<StoredPdu>> FindAsync(IReadOnlyList<EventId> eventIds);
}

/// <summary>A PDU as it is stored now.</summary>
/// <remarks>Shape: Json is the federation form in canonical bytes; the redacted form when
/// <paramref name="IsRedacted"/>.</remarks>
public sealed record StoredPdu(
    EventId EventId,
    RoomId RoomId,
    string RoomVersion,
    ReadOnlyMemory<byte> Json,
    PduDisposition Disposition,
    bool IsRedacted)
{
    /// <summary>The state before it; the root of the empty state for an outlier.</summary>
    public StateRoot StateBefore { get; init; }

    /// <summary>What an invite or a knock said of its room's state, an array of stripped events; null for any other
    /// PDU.</summary>
    public ReadOnlyMemory<byte>? StrippedState { get; init; }
}

/// <summary>A redaction whose target is not here, or on which it has no effect.</summary>
public readonly record struct RedactionInWaiting(EventId Target, EventId Redaction);

/// <summary>How the PDUs of a room hang together, as far as no single PDU says it.</summary>
/// <remarks>Ensures: sees every append that returned before the call.</remarks>
public interface IRoomGraph
{
    /// <summary>The state PDUs of the room that list this one in their auth_events, newest first.</summary>
    ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(RoomId roomId, EventId eventId);

    /// <summary>PDUs that an accepted or backfilled PDU of the room cites in prev_events, and that are not here (or as
    /// outliers only).</summary>
    ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId);

    /// <summary>Accepted and backfilled redactions that have had no effect, in the order in which they came; the
    /// latest ones where there are very many.</summary>
    ValueTask<IReadOnlyList<RedactionInWaiting>> RedactionsInWaitingAsync(RoomId roomId);
}

/// <summary>First answers to requests that carried a transaction id.</summary>
public interface ITransactionLog
{
    /// <summary>The PDU that a request of this user, device and scope led to in the room, or null.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<EventId?> FindAsync(RoomId roomId, UserId userId, string deviceId, string scope, string transactionId);
}

/// <summary>In which rooms a user is; for what must reach all of them.</summary>
public interface IMembershipLookup
{
    /// <summary>The rooms that the user has joined, ordered by room id.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId);
}

/// <summary>Which rooms a user has to do with.</summary>
public interface IStandingLookup
{
    /// <summary>The rooms that the user has joined, is invited to or knocks on, ordered by room id.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<IReadOnlyList<RoomId>> RoomsOfAsync(UserId userId);
}

/// <summary>Which servers are in a room.</summary>
public interface IRoomResidency
{
    /// <summary>Servers with a joined user in the room, those with most first.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<IReadOnlyList<ServerName>> ServersAsync(RoomId roomId);

    /// <summary>The member event that says what a user is to a room, also one that is not here; null for
    /// none.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<EventId?> FindMembershipAsync(RoomId roomId, UserId userId);
}

/// <summary>What of a room goes along when it is replaced, and is no single state entry.</summary>
/// <remarks>Ensures: sees every append that returned before the call.</remarks>
public interface IRoomBans
{
    /// <summary>Banned users, in order, at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<UserId>> FindAsync(RoomId roomId, int limit);

    /// <summary>The local aliases of a room, in order.</summary>
    ValueTask<IReadOnlyList<RoomAlias>> AliasesAsync(RoomId roomId);
}

/// <summary>Which users without an account of their own are in a room.</summary>
public interface IRoomGuests
{
    /// <summary>The guests of this server who have joined the room, in order.</summary>
    /// <remarks>Ensures: sees every append that returned before the call.</remarks>
    ValueTask<IReadOnlyList<UserId>> JoinedAsync(RoomId roomId);
}

/// <summary>Rooms and users of other servers; the network is behind it.</summary>
/// <remarks>Errors: values. What another server refuses is passed on with its errcode where that is one of the
/// endpoint's; servers that cannot be reached are 502 M_UNKNOWN.</remarks>
public interface IRemoteRooms
{
    /// <summary>Joins a room through servers that are in it, the first that lets us in.</summary>
    ValueTask<MatrixError?> JoinAsync(RemoteMembership join, CancellationToken cancellationToken);

    ValueTask<MatrixError?> KnockAsync(RemoteMembership knock, CancellationToken cancellationToken);

    /// <summary>Leaves, or rejects an invite, through servers that are in the room.</summary>
    ValueTask<MatrixError?> LeaveAsync(RemoteMembership leave, CancellationToken cancellationToken);

    /// <summary>Brings a PDU that its sender's server gave us by itself into the room, with what it rests on.</summary>
    ValueTask TakeAsync(CommandContext context, Pdu pdu, CancellationToken cancellationToken);

    /// <summary>Hands an invite to the invited user's server, which signs it, too.</summary>
    /// <remarks>Shape: state, an array of PDUs.</remarks>
    ValueTask<(Pdu? Signed, MatrixError? Error)> InviteAsync(
        Pdu invite, RawJson state, CancellationToken cancellationToken);

    /// <summary>Asks the inviting server to make a real invite of a third-party one. Shape: invite, the partial member
    /// event in canonical form.</summary>
    ValueTask<MatrixError?> ExchangeThirdPartyInviteAsync(ServerName server, RoomId roomId, RawJson invite);

    /// <summary>Where an alias of another server leads, and which servers are there; null where it leads
    /// nowhere.</summary>
    ValueTask<(RoomId? RoomId, IReadOnlyList<ServerName> Servers)> ResolveAliasAsync(
        RoomAlias alias, CancellationToken cancellationToken);
}

/// <summary>A change of membership that other servers are asked for.</summary>
/// <remarks>Shape: Servers in the order in which they are tried.</remarks>
public sealed record RemoteMembership(
    CommandContext Context, RoomId RoomId, UserId UserId, JsonElement Content, IReadOnlyList<ServerName> Servers);

/// <summary>What member events say of a user.</summary>
public interface IProfileLookup
{
    /// <summary>The profile of a local user; an empty one for users that are unknown or live elsewhere.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<MemberProfile> FindAsync(UserId userId);
}

/// <summary>What the settings of a local user say about rooms.</summary>
public interface IRoomSettings
{
    /// <summary>Whether the user wants no invites. Spec: v1.19 client-server-api #invite-permission.</summary>
    /// <remarks>Ensures: sees every append that returned before this call.</remarks>
    ValueTask<bool> BlocksInvitesAsync(UserId userId);

    /// <summary>Gives a room the settings of the one that it replaces: tags, push rules, that it is a direct chat.
    /// </summary>
    /// <remarks>Spec: v1.19 client-server-api #room-upgrades, server behaviour. What the new room has already, it
    /// keeps.</remarks>
    ValueTask CarryOverAsync(UserId userId, RoomId from, RoomId to, CommandContext context);
}

/// <summary>The two profile fields that a member event repeats.</summary>
public sealed record MemberProfile(string? DisplayName, string? AvatarUrl)
{
    public static readonly MemberProfile Empty = new(null, null);
}
