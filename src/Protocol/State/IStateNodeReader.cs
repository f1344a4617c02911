namespace Matrix.EventSourced.Protocol.State;

/// <summary>Where a state map finds the nodes that it has not loaded yet.</summary>
/// <remarks>
/// Shape: answers the bytes of <see cref="StateNode.Bytes"/> whose SHA-256 is the hash asked for.
/// Errors: throws when the node is missing. Nodes are stored before a root that needs them is named, so that is a
/// broken invariant.
/// Cost: called once per node and map, for a walk through a large map with many nodes at once; an implementation with
/// a cache completes synchronously.
/// </remarks>
public interface IStateNodeReader
{
    ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash);

    /// <summary>Several nodes, in the order of their hashes. A reader with a round trip to make makes one for
    /// all.</summary>
    async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadManyAsync(IReadOnlyList<StateRoot> hashes)
    {
        var nodes = new ReadOnlyMemory<byte>[hashes.Count];
        for (var index = 0; index < nodes.Length; index++)
            nodes[index] = await ReadAsync(hashes[index]);
        return nodes;
    }
}
