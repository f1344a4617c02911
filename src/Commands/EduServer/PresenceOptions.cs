using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Whether this server has presence at all, and who its own users are.</summary>
public sealed record PresenceOptions(bool IsEnabled, ServerName Server);
