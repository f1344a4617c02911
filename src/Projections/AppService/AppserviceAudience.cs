using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>Which application services hear of a fact that is no PDU.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #pushing-ephemeral-data; MSC4203, MSC3202.
/// Shape: Room, those that are interested in it; SharersOf, those interested in a room that the user is in, and those
/// whose user it is; OwnersOf, only those; IsOwnersOnly, of all of these only those whose user it is. Wish, what a
/// service must have asked for. Subject, where only the latest counts once a service is away; null for what is then
/// worth nothing, unless it is kept: what gets lost is lost for good.
/// </remarks>
internal sealed record AppserviceAudience(
    AppserviceWish Wish,
    string? Room = null,
    UserId? SharersOf = null,
    UserId? OwnersOf = null,
    bool IsOwnersOnly = false,
    string? Subject = null,
    bool IsKept = false)
{
    /// <summary>Null for a fact that says nothing new.</summary>
    public static AppserviceAudience? Of(IFact fact) => fact switch
    {
        TypingChanged { IsContinued: false } typing => new(AppserviceWish.Ephemeral, Room: typing.RoomId.Value),
        ReceiptRecorded receipt => new(
            AppserviceWish.Ephemeral,
            Room: receipt.RoomId.Value,
            IsOwnersOnly: receipt.Type == ReceiptTypes.ReadPrivate,
            Subject: $"{receipt.RoomId.Value}\n{receipt.UserId.Value}\n{receipt.Type}\n{receipt.ThreadId}"),
        PresenceChanged { IsRepeated: false } presence => new(
            AppserviceWish.Ephemeral, SharersOf: presence.UserId, Subject: presence.UserId.Value),
        ToDeviceSent sent => new(AppserviceWish.ToDevice, OwnersOf: sent.Recipient, IsKept: true),
        IOneTimeKeyFact keys => new(
            AppserviceWish.Devices, OwnersOf: keys.UserId, Subject: $"{keys.UserId.Value}\n{keys.DeviceId}\nkeys"),
        _ => ChangedDeviceLists.Of(fact) is { } user
            ? new(AppserviceWish.Devices, SharersOf: user, Subject: $"{user.Value}\ndevices")
            : null,
    };

    /// <summary>Whose fact it is.</summary>
    public static UserId? SubjectOf(IFact fact) => fact switch
    {
        ReceiptRecorded receipt => receipt.UserId,
        PresenceChanged presence => presence.UserId,
        _ => null,
    };

    /// <summary>Whether a service has asked for such facts.</summary>
    public bool IsWantedBy(AppserviceRegistration service) => Wish switch
    {
        AppserviceWish.Ephemeral => service.ReceivesEphemeral,
        AppserviceWish.ToDevice => service.ReceivesToDevice,
        _ => service.TracksDevices,
    };
}

/// <summary>What an application service asks for in its registration.</summary>
internal enum AppserviceWish
{
    /// <summary>Typing, receipts, presence.</summary>
    Ephemeral,

    /// <summary>Messages to its users' devices.</summary>
    ToDevice,

    /// <summary>Changed device lists, and the keys that its users' devices have left.</summary>
    Devices,
}
