using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>State resolution v2 (room versions 2 to 11) and v2.1 (12).</summary>
/// <remarks>
/// <code>
///   states ──Conflict──► unconflicted map, conflicted set
///                             │ + AuthDifference  (v2.1: + ConflictedSubgraph)
///                             ▼
///                        full conflicted set
///                             ├─ PowerEvents, PowerOrdering ─► 1 ─ IterativeAuthChecks ─► 2   from the unconflicted
///                             └─ the rest, MainlineOrdering ─► 3 ─ IterativeAuthChecks ─► 4   map (v2.1: nothing)
///                                                                   unconflicted on top ► 5
/// </code>
/// Spec: v1.19 rooms/v12 #algorithm; rooms/v2 #state-resolution.
/// </remarks>
internal static class ResolutionV2
{
    public static async ValueTask<StateMap> ResolveAsync(Resolution resolution)
    {
        var isV2Point1 = resolution.Create.Rules.StateResolution == StateResolutionAlgorithm.V2Point1;
        var fullConflicted = await FindFullConflictedSetAsync(resolution, isV2Point1);

        // 1: power events and what they build upon, in reverse topological power ordering.
        var selected = PowerEvents.Select(fullConflicted, resolution);
        var powerEvents = await PowerOrdering.SortAsync(selected, resolution);

        // 2: apply them, starting from the unconflicted state map, in v2.1 from nothing.
        var state = new PartialState(resolution.Conflict, startsUnconflicted: !isV2Point1);
        await IterativeAuthChecks.ApplyAsync(powerEvents, state, resolution);

        // 3: the others, by the mainline of the power levels that came out.
        fullConflicted.ExceptWith(selected);
        var powerLevels = await state.GetAsync(AuthTuples.PowerLevels);
        if (powerLevels is { } eventId)
            await resolution.Graph.LoadAsync([eventId], resolution.Pdus);
        var others = MainlineOrdering.Sort(fullConflicted.ToList(), powerLevels, resolution);

        // 4: apply them.
        await IterativeAuthChecks.ApplyAsync(others, state, resolution);

        // 5: what all states agreed upon stays.
        return await state.ToResolvedAsync();
    }

    private static async ValueTask<IndexSet> FindFullConflictedSetAsync(Resolution resolution, bool hasSubgraph)
    {
        await resolution.Graph.LoadAsync(resolution.Conflict.EventIds, resolution.Pdus);
        var full = await AuthDifference.FindAsync(resolution);
        foreach (var index in resolution.IndicesOf(resolution.Conflict.EventIds))
            full.Add(index);
        if (hasSubgraph)
            full.UnionWith(ConflictedSubgraph.Find(resolution));
        await resolution.LoadPdusAsync(full);
        return full;
    }
}
