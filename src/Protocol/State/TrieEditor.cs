namespace Matrix.EventSourced.Protocol.State;

/// <summary>Sets and removes entries by path copying, on nodes that are loaded.</summary>
internal static class TrieEditor
{
    /// <summary>INVARIANT: the path to the key is loaded.</summary>
    public static TrieNode Set(TrieNode node, TrieKey key, Identifiers.EventId eventId, int depth)
    {
        if (node is not BranchNode branch)
        {
            var leaf = ((LeafNode)node).Set(key, eventId);
            return leaf.Count <= TrieNodeCodec.LeafEntriesMax ? leaf : Grow(leaf, depth);
        }
        var index = key.NibbleAt(depth);
        var child = branch[index];
        var changed = Set(child ?? LeafNode.Empty, key, eventId, depth + 1);
        return ReferenceEquals(child, changed)
            ? branch
            : branch.With(index, changed, branch.Count + CountOf(changed) - CountOf(child));
    }

    /// <summary>INVARIANT: the path to the key is loaded, and all of a branch on it that would shrink to a
    /// leaf.</summary>
    public static TrieNode Remove(TrieNode node, TrieKey key, int depth)
    {
        if (node is not BranchNode branch)
            return ((LeafNode)node).Remove(key);
        var index = key.NibbleAt(depth);
        if (branch[index] is not { } child)
            return branch;
        var changed = Remove(child, key, depth + 1);
        if (ReferenceEquals(child, changed))
            return branch;
        var count = branch.Count - 1;
        var smaller = branch.With(index, CountOf(changed) == 0 ? null : changed, count);
        return count > TrieNodeCodec.LeafEntriesMax ? smaller : Shrink(smaller);
    }

    public static int CountOf(TrieNode? node) => node switch
    {
        null => 0,
        LeafNode leaf => leaf.Count,
        BranchNode branch => branch.Count,
        _ => throw new InvalidOperationException("A node that is not loaded was counted."),
    };

    /// <summary>A leaf with one entry too many becomes a branch; entries that share the next nibble too, a chain of
    /// them.</summary>
    private static BranchNode Grow(LeafNode leaf, int depth)
    {
        var children = leaf.Split(depth);
        for (var index = 0; index < children.Length; index++)
        {
            if (children[index] is LeafNode { Count: > TrieNodeCodec.LeafEntriesMax } tooLarge)
                children[index] = Grow(tooLarge, depth + 1);
        }
        return new(children, leaf.Count);
    }

    private static LeafNode Shrink(BranchNode branch)
    {
        var entries = new List<StateEntry>(TrieNodeCodec.LeafEntriesMax);
        Collect(branch, entries);
        return (LeafNode)TrieBuilder.Build(entries);
    }

    private static void Collect(TrieNode node, List<StateEntry> entries)
    {
        if (node is BranchNode branch)
        {
            for (var index = 0; index < 16; index++)
            {
                if (branch[index] is { } child)
                    Collect(child, entries);
            }
            return;
        }
        var reader = new LeafReader(((LeafNode)node).Bytes);
        while (reader.MoveNext())
            entries.Add(reader.Entry);
    }
}
