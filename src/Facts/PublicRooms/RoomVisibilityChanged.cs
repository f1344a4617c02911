using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.PublicRooms;

/// <summary>A room was listed in, or taken off, the public directory: <c>publicrooms.visibility_changed.v1</c>, stream
/// <c>directory-…</c>.</summary>
public sealed record RoomVisibilityChanged(RoomId RoomId, bool IsPublic, UserId ChangedBy) : IFact;
