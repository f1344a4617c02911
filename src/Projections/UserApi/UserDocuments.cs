using System.Globalization;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>
/// An account and its profile. Shape: Id is the user id; Profile maps a field to raw JSON text; RegisteredAt is a log
/// position.
/// </summary>
public sealed class AccountDocument
{
    public string Id { get; set; } = string.Empty;

    public bool IsGuest { get; set; }

    public bool IsAdmin { get; set; }

    public bool IsDeactivated { get; set; }

    public bool IsLocked { get; set; }

    public bool IsSuspended { get; set; }

    public long RegisteredAt { get; set; }

    public SortedDictionary<string, string> Profile { get; set; } = new(StringComparer.Ordinal);
}

/// <summary>A device. Shape: Id is user id and device id, joined.</summary>
public sealed class DeviceDocument
{
    public string Id { get; set; } = string.Empty;

    public string UserId { get; set; } = string.Empty;

    public string DeviceId { get; set; } = string.Empty;

    public string? DisplayName { get; set; }

    // User ids of this server hold no bar, so the first one ends the user id.
    public static string IdOf(string userId, string deviceId) => $"{userId}|{deviceId}";
}

/// <summary>A stored filter, verbatim.</summary>
public sealed class FilterDocument
{
    public string Id { get; set; } = string.Empty;

    public string Filter { get; set; } = string.Empty;

    public static string IdOf(string userId, string filterId) => $"{userId}|{filterId}";
}

/// <summary>
/// Account data of one type. Shape: RoomId empty is global; Content is the object verbatim; Position that of its last
/// change.
/// </summary>
public sealed class AccountDataDocument
{
    public string Id { get; set; } = string.Empty;

    public string UserId { get; set; } = string.Empty;

    public string RoomId { get; set; } = string.Empty;

    public string Type { get; set; } = string.Empty;

    public string Content { get; set; } = string.Empty;

    public long Position { get; set; }

    // The length keeps a room id and a type apart that hold bars themselves.
    public static string IdOf(string userId, string roomId, string type) =>
        string.Create(CultureInfo.InvariantCulture, $"{userId}|{roomId.Length}|{roomId}|{type}");
}

/// <summary>
/// A pusher. Shape: Content is what its user sees of it; Position that of its last change.
/// </summary>
public sealed class PusherDocument
{
    public string Id { get; set; } = string.Empty;

    public string UserId { get; set; } = string.Empty;

    public string DeviceId { get; set; } = string.Empty;

    public string AppId { get; set; } = string.Empty;

    public string PushKey { get; set; } = string.Empty;

    public string Content { get; set; } = string.Empty;

    public long Position { get; set; }

    // The length keeps an app id and a key apart that hold bars themselves.
    public static string IdOf(string userId, string appId, string pushKey) =>
        string.Create(CultureInfo.InvariantCulture, $"{userId}|{appId.Length}|{appId}|{pushKey}");
}
