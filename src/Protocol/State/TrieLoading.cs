namespace Matrix.EventSourced.Protocol.State;

/// <summary>Loads the nodes that a walk through a whole map is about to meet, many with one question.</summary>
internal static class TrieLoading
{
    /// <summary>LIMIT: entries below a branch that is loaded whole. Ours: some 400 nodes, 512 KiB at a time.</summary>
    private const int EntriesMax = 4_096;

    /// <summary>Loads a small branch down to its leaves, a level at a time, and of a larger one the
    /// children.</summary>
    public static async ValueTask LoadNextAsync(BranchNode branch)
    {
        var level = new List<BranchNode> { branch };
        do
            level = await LoadChildrenAsync(level);
        while (branch.Count <= EntriesMax && level.Count > 0);
    }

    /// <summary>Loads all children of these branches; answers those that are branches themselves.</summary>
    private static async ValueTask<List<BranchNode>> LoadChildrenAsync(List<BranchNode> level)
    {
        var missing = new List<(BranchNode Parent, int Index, UnloadedNode Node)>();
        foreach (var parent in level)
        {
            for (var index = 0; index < 16; index++)
            {
                if (parent[index] is UnloadedNode unloaded)
                    missing.Add((parent, index, unloaded));
            }
        }
        if (missing.Count > 0)
        {
            // The nodes of one map come from one reader.
            var stored = await missing[0].Node.Reader.ReadManyAsync([.. missing.Select(entry => entry.Node.Hash)]);
            for (var at = 0; at < missing.Count; at++)
                missing[at].Parent.Keep(missing[at].Index, missing[at].Node, missing[at].Node.Decode(stored[at]));
        }
        var below = new List<BranchNode>();
        foreach (var parent in level)
        {
            for (var index = 0; index < 16; index++)
            {
                if (parent[index] is BranchNode child)
                    below.Add(child);
            }
        }
        return below;
    }
}
