using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.UserApi;

/// <summary>A pusher is there, or is another than before: <c>userapi.pusher_set.v1</c>, stream <c>user-…</c>.</summary>
/// <remarks>
/// Shape: AppId and PushKey name the pusher within the account; Pusher is what <c>GET /pushers</c> shows. A pusher
/// belongs to the device that set it, and is gone with it (<c>userapi.device_deleted.v1</c>).
/// </remarks>
public sealed record PusherSet(UserId UserId, string DeviceId, string AppId, string PushKey, RawJson Pusher) : IFact;

/// <summary>A pusher is gone: <c>userapi.pusher_deleted.v1</c>, stream <c>user-…</c>.</summary>
public sealed record PusherDeleted(UserId UserId, string AppId, string PushKey) : IFact;
