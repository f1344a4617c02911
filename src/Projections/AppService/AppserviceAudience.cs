using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>Which application services hear of an ephemeral fact.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #pushing-ephemeral-data.
/// Shape: Room, those that are interested in it; SharersOf, those interested in a room that the user is in;
/// IsOwnersOnly, of these only those whose user it is. Owner, whose namespace alone is reason enough. Subject, where
/// only the latest counts once a service is away; null for what is then worth nothing.
/// </remarks>
internal sealed record AppserviceAudience(
    string? Room = null, UserId? SharersOf = null, bool IsOwnersOnly = false, string? Subject = null)
{
    /// <summary>Null for a fact that says nothing new.</summary>
    public static AppserviceAudience? Of(IFact fact) => fact switch
    {
        TypingChanged { IsContinued: false } typing => new(Room: typing.RoomId.Value),
        ReceiptRecorded receipt => new(
            Room: receipt.RoomId.Value,
            SharersOf: null,
            IsOwnersOnly: receipt.Type == ReceiptTypes.ReadPrivate,
            Subject: $"{receipt.RoomId.Value}\n{receipt.UserId.Value}\n{receipt.Type}\n{receipt.ThreadId}"),
        PresenceChanged { IsRepeated: false } presence => new(
            SharersOf: presence.UserId, Subject: presence.UserId.Value),
        _ => null,
    };

    /// <summary>Whose fact it is.</summary>
    public static UserId? SubjectOf(IFact fact) => fact switch
    {
        ReceiptRecorded receipt => receipt.UserId,
        PresenceChanged presence => presence.UserId,
        _ => null,
    };
}
