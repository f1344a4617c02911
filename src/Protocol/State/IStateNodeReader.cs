namespace Matrix.EventSourced.Protocol.State;

/// <summary>Where a state map finds the nodes that it has not loaded yet.</summary>
/// <remarks>
/// Shape: answers the bytes of <see cref="StateNode.Bytes"/> whose SHA-256 is the hash asked for.
/// Errors: throws when the node is missing. Nodes are stored before a root that needs them is named, so that is a
/// broken invariant.
/// Cost: called once per node and map; an implementation with a cache completes synchronously.
/// </remarks>
public interface IStateNodeReader
{
    ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash);
}
