namespace Matrix.EventSourced.Protocol.State;

/// <summary>One node of a state map in its stored form.</summary>
/// <remarks>Shape: <paramref name="Hash"/> is the SHA-256 of <paramref name="Bytes"/>; the encoding is that of <see
/// cref="StateMap"/>.</remarks>
public sealed record StateNode(StateRoot Hash, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The hashes of the nodes right below one; none for a leaf.</summary>
    /// <param name="bytes">A node in its stored form. Requires: its hash was checked.</param>
    public static IReadOnlyList<StateRoot> ChildrenOf(ReadOnlySpan<byte> bytes) => TrieNodeCodec.ChildrenOf(bytes);
}
