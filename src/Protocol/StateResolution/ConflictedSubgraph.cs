namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>The PDUs on the paths of auth_events from one conflicted PDU to another, ends included. State resolution
/// v2.1 only.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v12 #definitions, "Conflicted state subgraph". A PDU is on such a path when a conflicted one leads
/// to it, and it leads to a conflicted one.
/// Cost: the auth chains of what is conflicted, each edge once.
/// </remarks>
internal static class ConflictedSubgraph
{
    public static IndexSet Find(Resolution resolution)
    {
        var conflicted = resolution.IndicesOf(resolution.Conflict.EventIds);
        var isConflicted = new IndexSet(resolution.Graph.Count);
        foreach (var index in conflicted)
            isConflicted.Add(index);
        var reached = resolution.Graph.ChainOf(conflicted);
        reached.UnionWith(isConflicted);
        // Ascending: the auth events of a PDU are decided before it.
        var subgraph = new IndexSet(resolution.Graph.Count);
        foreach (var index in reached.ToList())
        {
            if (isConflicted.Contains(index) || LeadsInto(index, subgraph, resolution.Graph))
                subgraph.Add(index);
        }
        return subgraph;
    }

    private static bool LeadsInto(int index, IndexSet subgraph, AuthGraph graph)
    {
        foreach (var authEvent in graph.AuthEventsOf(index))
        {
            if (subgraph.Contains(authEvent))
                return true;
        }
        return false;
    }
}
