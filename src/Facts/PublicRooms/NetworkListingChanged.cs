using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.PublicRooms;

/// <summary>An application service listed a room in its own directory, or took it off:
/// <c>publicrooms.network_listing_changed.v1</c>, stream <c>networklist-…</c>.</summary>
/// <remarks>Consumers: the room stands in the directory of this service and network, and nowhere else by it.</remarks>
public sealed record NetworkListingChanged(RoomId RoomId, string AppserviceId, string NetworkId, bool IsListed) : IFact;
