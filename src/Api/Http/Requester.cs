using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Whose access token came with the request.</summary>
public sealed record Requester(UserId UserId, string DeviceId, bool IsGuest, bool IsAdmin, string TokenSha256);
