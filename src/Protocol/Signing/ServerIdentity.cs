using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>Who this server is to others: its name, and the key that proves it.</summary>
public sealed record ServerIdentity(ServerName Name, ServerSigningKey Key);
