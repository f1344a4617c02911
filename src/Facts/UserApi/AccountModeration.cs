using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.UserApi;

/// <summary>An administrator locked an account, or unlocked it: <c>userapi.account_locked.v1</c>, stream
/// <c>user-…</c>.</summary>
/// <remarks>Who did it stands in the metadata.</remarks>
public sealed record AccountLocked(UserId UserId, bool IsLocked) : IFact;

/// <summary>An administrator suspended an account, or ended that: <c>userapi.account_suspended.v1</c>, stream
/// <c>user-…</c>.</summary>
/// <remarks>Who did it stands in the metadata.</remarks>
public sealed record AccountSuspended(UserId UserId, bool IsSuspended) : IFact;
