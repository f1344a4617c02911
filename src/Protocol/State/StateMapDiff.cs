namespace Matrix.EventSourced.Protocol.State;

/// <summary>Compares two tries from their roots down, skipping what has the same hash.</summary>
internal static class StateMapDiff
{
    public static async IAsyncEnumerable<StateDifference> DiffAsync(TrieNode before, TrieNode after)
    {
        var pending = new Stack<(TrieNode? Before, TrieNode? After, int Depth)>();
        if (!TrieNode.AreSame(before, after))
            pending.Push((before, after, 0));
        var found = new List<StateDifference>();
        while (pending.TryPop(out var pair))
        {
            if (pair is { Before: not BranchNode, After: not BranchNode })
            {
                DiffLeaves((LeafNode?)pair.Before ?? LeafNode.Empty, (LeafNode?)pair.After ?? LeafNode.Empty, found);
                foreach (var difference in found)
                    yield return difference;
                found.Clear();
                continue;
            }
            var first = Children.Of(pair.Before, pair.Depth);
            var second = Children.Of(pair.After, pair.Depth);
            for (var index = 15; index >= 0; index--)
            {
                if (!TrieNode.AreSame(first.Peek(index), second.Peek(index)))
                    pending.Push((await first.LoadAsync(index), await second.LoadAsync(index), pair.Depth + 1));
            }
        }
    }

    /// <summary>The children of a branch, or those that a leaf would have if it were one.</summary>
    private readonly record struct Children(BranchNode? Branch, TrieNode?[]? Parts)
    {
        public static Children Of(TrieNode? node, int depth) => node switch
        {
            BranchNode branch => new(branch, null),
            LeafNode leaf => new(null, leaf.Split(depth)),
            _ => new(null, null),
        };

        public TrieNode? Peek(int index) => Branch is null ? Parts?[index] : Branch[index];

        public ValueTask<TrieNode?> LoadAsync(int index) =>
            Branch is null ? new(Parts?[index]) : Branch.LoadChildAsync(index);
    }

    private static void DiffLeaves(LeafNode before, LeafNode after, List<StateDifference> found)
    {
        var first = new LeafReader(before.Bytes);
        var second = new LeafReader(after.Bytes);
        var hasFirst = first.MoveNext();
        var hasSecond = second.MoveNext();
        while (hasFirst || hasSecond)
        {
            var order = !hasFirst ? 1 : !hasSecond ? -1 : Compare(first, second);
            if (order < 0)
                found.Add(new(first.Entry.Tuple, first.EventId, null));
            else if (order > 0)
                found.Add(new(second.Entry.Tuple, null, second.EventId));
            else if (!first.EventIdUtf8.SequenceEqual(second.EventIdUtf8))
                found.Add(new(first.Entry.Tuple, first.EventId, second.EventId));
            if (order <= 0)
                hasFirst = first.MoveNext();
            if (order >= 0)
                hasSecond = second.MoveNext();
        }
    }

    private static int Compare(in LeafReader first, in LeafReader second)
    {
        var byType = first.Type.SequenceCompareTo(second.Type);
        return byType != 0 ? byType : first.StateKey.SequenceCompareTo(second.StateKey);
    }
}
