using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>Who this server is to others: its name, and the key that proves it.</summary>
/// <remarks>Spec: v1.19 appendices #signing-details. Shape: the key that signs now; older ones are published, never
/// used.</remarks>
public sealed record ServerIdentity(ServerName Name, ServerSigningKey Key);
