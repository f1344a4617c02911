using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>Makes one state of several: the state before a PDU whose prev_events lie on different forks.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v1, rooms/v2, rooms/v12 #state-resolution; the create PDU's room version says which.
/// Requires: <see cref="IPduSource"/> finds every PDU of the states that is in conflict, and its auth chain.
/// Ensures: the order of the states does not matter; what all of them hold stays; one state is its own resolution.
/// Errors: none of its own; a PDU that cannot be found takes no part.
/// Cost: what is in conflict and its auth chains, not the size of the room.
/// </remarks>
public static class StateResolver
{
    /// <param name="states">The states after the prev_events, at least one; what belongs to a rejected PDU is the state
    /// before it.</param>
    /// <param name="create">The room's create PDU.</param>
    /// <param name="source">The room's PDUs.</param>
    /// <param name="graph">What is known of the room's auth DAG from earlier resolutions; grows.</param>
    public static async ValueTask<StateMap> ResolveAsync(
        IReadOnlyList<StateMap> states, Pdu create, IPduSource source, AuthGraph? graph = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(states.Count);
        var distinct = Distinct(states);
        if (distinct.Count == 1)
            return distinct[0];
        var conflict = await Conflict.FindAsync(distinct);
        var resolution = new Resolution(conflict, create, source, graph ?? new AuthGraph());
        return create.Rules.StateResolution == StateResolutionAlgorithm.V1
            ? await ResolutionV1.ResolveAsync(resolution)
            : await ResolutionV2.ResolveAsync(resolution);
    }

    private static List<StateMap> Distinct(IReadOnlyList<StateMap> states)
    {
        var distinct = new List<StateMap>(states.Count);
        var roots = new HashSet<StateRoot>();
        foreach (var state in states)
        {
            if (roots.Add(state.Root))
                distinct.Add(state);
        }
        return distinct;
    }
}
