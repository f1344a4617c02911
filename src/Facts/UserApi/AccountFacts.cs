using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.UserApi;

public enum AccountKind
{
    User,
    Guest,
    Appservice,
}

/// <summary>An account exists: <c>userapi.account_registered.v1</c>, first fact of the stream <c>user-…</c>.</summary>
public sealed record AccountRegistered(
    UserId UserId, AccountKind Kind, bool IsAdmin, string? AppserviceId = null) : IFact;

/// <summary>A profile field has a new value, or none: <c>userapi.profile_changed.v1</c>, stream
/// <c>user-…</c>.</summary>
/// <remarks>Shape: Field is <c>displayname</c>, <c>avatar_url</c> or a custom key (spec 1.16); Value null removes
/// it.</remarks>
public sealed record ProfileChanged(UserId UserId, string Field, RawJson? Value) : IFact;

/// <summary>A device exists: <c>userapi.device_created.v1</c>, stream <c>user-…</c>.</summary>
public sealed record DeviceCreated(UserId UserId, string DeviceId, string? DisplayName) : IFact;

/// <summary>A device has another name: <c>userapi.device_renamed.v1</c>, stream <c>user-…</c>.</summary>
public sealed record DeviceRenamed(UserId UserId, string DeviceId, string? DisplayName) : IFact;

/// <summary>A device is gone, and its token with it: <c>userapi.device_deleted.v1</c>, stream <c>user-…</c>.</summary>
public sealed record DeviceDeleted(UserId UserId, string DeviceId) : IFact;

/// <summary>A user forgot a room that they had left: <c>userapi.room_forgotten.v1</c>, stream <c>user-…</c>.</summary>
public sealed record RoomForgotten(UserId UserId, RoomId RoomId) : IFact;

/// <summary>A stored filter: <c>userapi.filter_stored.v1</c>, stream <c>user-…</c>.</summary>
public sealed record FilterStored(UserId UserId, string FilterId, RawJson Filter) : IFact;

/// <summary>Account data of a type was set: <c>userapi.account_data_set.v1</c>, stream <c>accountdata-…</c>. RoomId
/// null means global.</summary>
public sealed record AccountDataSet(UserId UserId, RoomId? RoomId, string Type, RawJson Content) : IFact;
