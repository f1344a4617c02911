using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

// What other servers answer. PDUs are the raw bytes of one JSON object each, slices of the body: not canonical, not
// checked in any way; parsing and verifying them is the reader's.

/// <summary>A template for a membership. Shape: RoomVersion is "1" where the server left it out, as the spec says.
/// </summary>
public sealed record MembershipTemplate(string RoomVersion, JsonElement Event);

/// <summary>The room as a resident server sees it before the join.</summary>
/// <remarks>Shape: Event is the join as the resident signed it, null where it did not send one back. ServersInRoom is
/// null unless the server omitted members.</remarks>
public sealed record JoinedRoom(
    ImmutableArray<ReadOnlyMemory<byte>> State,
    ImmutableArray<ReadOnlyMemory<byte>> AuthChain,
    ReadOnlyMemory<byte>? Event,
    bool MembersOmitted,
    ImmutableArray<ServerName>? ServersInRoom);

/// <summary>PDUs of an answer.</summary>
public sealed record RemotePdus(ImmutableArray<ReadOnlyMemory<byte>> Pdus);

/// <summary>A room's state at an event.</summary>
public sealed record RemoteState(
    ImmutableArray<ReadOnlyMemory<byte>> Pdus, ImmutableArray<ReadOnlyMemory<byte>> AuthChain);

/// <summary>A room's state at an event, ids only.</summary>
public sealed record RemoteStateIds(ImmutableArray<EventId> PduIds, ImmutableArray<EventId> AuthChainIds);

/// <summary>The invite with the invited server's signature added.</summary>
public sealed record SignedInvite(ReadOnlyMemory<byte> Event);

/// <summary>Where an alias leads.</summary>
public sealed record RemoteAlias(RoomId RoomId, ImmutableArray<ServerName> Servers);

/// <summary>The event nearest to a time.</summary>
public sealed record NearestEvent(EventId EventId, long OriginServerTs);

/// <summary>How a transaction was taken. Shape: PduErrors, event id to what was wrong with it.</summary>
public sealed record TransactionTaken(ImmutableArray<KeyValuePair<string, string>> PduErrors);

/// <summary>Nothing but that it was taken.</summary>
public sealed record Done;
