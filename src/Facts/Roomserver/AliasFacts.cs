using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.Roomserver;

/// <summary>A local alias points to a room: <c>roomserver.alias_created.v1</c>, stream <c>alias-…</c>.</summary>
public sealed record AliasCreated(RoomAlias Alias, RoomId RoomId, UserId Creator) : IFact;

/// <summary>A local alias points nowhere any more: <c>roomserver.alias_deleted.v1</c>, stream <c>alias-…</c>.</summary>
public sealed record AliasDeleted(RoomAlias Alias, RoomId RoomId, UserId DeletedBy) : IFact;
