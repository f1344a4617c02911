using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.UserApi;

/// <summary>A user reported an event, a room or a user: <c>userapi.content_reported.v1</c>, stream
/// <c>reports-log</c>.</summary>
/// <remarks>Shape: RoomId alone reports the room, with EventId the event; ReportedUser stands alone.</remarks>
public sealed record ContentReported(
    UserId Reporter,
    RoomId? RoomId = null,
    EventId? EventId = null,
    UserId? ReportedUser = null,
    string? Reason = null) : IFact;
