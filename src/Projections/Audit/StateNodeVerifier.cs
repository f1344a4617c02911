using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Matrix.EventSourced.Protocol.State;
using Npgsql;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Checks the stored nodes of all state maps: each has its hash, and every root of the log is
/// complete.</summary>
/// <remarks>Cost: one pass over the table; 32 bytes of memory a node.</remarks>
internal sealed class StateNodeVerifier(NpgsqlDataSource database)
{
    /// <param name="roots">Roots that facts name; each must be stored, and all below it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<Finding> CheckAsync(
        IReadOnlySet<StateRoot> roots, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var known = new HashSet<StateRoot>();
        var childToParent = new Dictionary<StateRoot, StateRoot>();
        await using (var command = database.CreateCommand("SELECT hash, bytes FROM statestore.state_nodes"))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var hash = reader.GetFieldValue<byte[]>(0);
                var bytes = reader.GetFieldValue<byte[]>(1);
                if (hash.Length != StateRoot.ByteCount)
                {
                    yield return new($"state node {Convert.ToHexStringLower(hash)}", "its hash is no hash");
                    continue;
                }
                var root = StateRoot.FromBytes(hash);
                known.Add(root);
                if (!SHA256.HashData(bytes).AsSpan().SequenceEqual(hash))
                    yield return new($"state node {root}", "its bytes do not have that hash");
                else
                    AddChildren(root, bytes, childToParent);
            }
        }
        foreach (var (child, parent) in childToParent)
        {
            if (!known.Contains(child))
                yield return new($"state node {child}", $"it is not stored, but {parent} needs it");
        }
        foreach (var root in roots)
        {
            if (root != StateMap.Empty.Root && !known.Contains(root))
                yield return new($"state node {root}", "it is not stored, but a fact names it as a state");
        }
    }

    private static void AddChildren(StateRoot node, byte[] bytes, Dictionary<StateRoot, StateRoot> childToParent)
    {
        foreach (var child in StateNode.ChildrenOf(bytes))
            childToParent.TryAdd(child, node);
    }
}
