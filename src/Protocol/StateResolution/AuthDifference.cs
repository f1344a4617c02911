using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>The PDUs that are in the auth chain of some of the states, but not of all; without those that are
/// conflicted themselves.</summary>
/// <remarks>
/// <code>
///   auth chain of state i = chain(conflicted of i)  ∪  chain(unconflicted)       the second part is in all of them, so
///   difference            = (∪ chain(conflicted of i) − ∩ chain(conflicted of i)) − chain(unconflicted)
/// </code>
/// The chain of the unconflicted state is never walked, it is as large as the room. Instead each candidate is followed
/// upwards, to the PDUs that list it in their auth_events, until one is in the unconflicted state: nearly always the
/// first or second.
/// Spec: v1.19 rooms/v12 #definitions, "Auth difference".
/// SPEC?: the text's auth chain of a PDU leaves that PDU out, so a PDU that all states hold could be in the difference
/// because only some of them build upon it. The servers that are deployed count a state's own PDUs in, and two servers
/// that differ here end in different states; so do we. For PDUs that not all states hold it is the same: they are
/// conflicted anyway.
/// Cost: the auth chains of what is conflicted.
/// </remarks>
internal static class AuthDifference
{
    public static async ValueTask<IndexSet> FindAsync(Resolution resolution)
    {
        IndexSet? union = null;
        IndexSet? intersection = null;
        foreach (var values in resolution.Conflict.Values)
        {
            var indices = resolution.IndicesOf(values.Values);
            var chain = resolution.Graph.ChainOf(indices);
            foreach (var index in indices)
                chain.Add(index);
            (union ??= new()).UnionWith(chain);
            (intersection ??= chain.Copy()).IntersectWith(chain);
        }
        if (union is null || intersection is null)
            return new();
        union.ExceptWith(intersection);
        // What is conflicted is in the full conflicted set anyway.
        foreach (var index in resolution.IndicesOf(resolution.Conflict.EventIds))
            union.Remove(index);
        await RemoveCommonAsync(union, resolution);
        return union;
    }

    private static async ValueTask RemoveCommonAsync(IndexSet candidates, Resolution resolution)
    {
        await resolution.LoadPdusAsync(candidates);
        var common = new HashSet<EventId>();
        var notCommon = new HashSet<EventId>();
        var indices = candidates.ToList();
        // Descending: a PDU comes before those that it builds upon, so its answer is at hand when they are followed
        // upwards.
        for (var position = indices.Count - 1; position >= 0; position--)
        {
            var pdu = resolution.PduOf(indices[position]);
            if (pdu.StateTuple is { } tuple
                && await IsCommonAsync(new(tuple, pdu.EventId), resolution, common, notCommon))
                candidates.Remove(indices[position]);
        }
    }

    /// <summary>Whether the PDU is in the unconflicted state or in its auth chain.</summary>
    private static async ValueTask<bool> IsCommonAsync(
        StateEntry start, Resolution resolution, HashSet<EventId> common, HashSet<EventId> notCommon)
    {
        var visited = new HashSet<EventId> { start.EventId };
        var pending = new Stack<StateEntry>();
        pending.Push(start);
        while (pending.TryPop(out var entry))
        {
            if (common.Contains(entry.EventId)
                || await resolution.Conflict.GetUnconflictedAsync(entry.Tuple) == entry.EventId)
            {
                common.Add(start.EventId);
                return true;
            }
            await foreach (var citing in resolution.Pdus.Source.CitedByAsync(entry.EventId))
            {
                if (notCommon.Contains(citing.EventId) || !visited.Add(citing.EventId))
                    continue;
                pending.Push(citing);
                // Following the newest at once, rather than reading all that cite a PDU, finds the unconflicted state
                // soonest.
                if (await resolution.Conflict.GetUnconflictedAsync(citing.Tuple) == citing.EventId)
                    break;
            }
        }
        notCommon.UnionWith(visited);
        return false;
    }
}
