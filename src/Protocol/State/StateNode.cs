namespace Matrix.EventSourced.Protocol.State;

/// <summary>One node of a state map in its stored form.</summary>
/// <remarks>Shape: <paramref name="Hash"/> is the SHA-256 of <paramref name="Bytes"/>; the encoding is that of <see
/// cref="StateMap"/>.</remarks>
public sealed record StateNode(StateRoot Hash, ReadOnlyMemory<byte> Bytes);
