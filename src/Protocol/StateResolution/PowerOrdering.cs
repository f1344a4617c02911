using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>Step 1, second half: the reverse topological power ordering, by Kahn's algorithm.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v12 #definitions, "Reverse topological power ordering".
/// SPEC?: the DAG is that of the auth_events between PDUs of the set; a path through PDUs outside of it orders nothing.
/// Cost: O(n log n) comparisons.
/// </remarks>
internal static class PowerOrdering
{
    private readonly record struct Rank(long SenderLevel, long OriginServerTs, EventId EventId) : IComparable<Rank>
    {
        public int CompareTo(Rank other)
        {
            if (SenderLevel != other.SenderLevel)
                return other.SenderLevel.CompareTo(SenderLevel);
            return OriginServerTs != other.OriginServerTs
                ? OriginServerTs.CompareTo(other.OriginServerTs)
                : EventId.CompareTo(other.EventId);
        }
    }

    public static async ValueTask<List<Pdu>> SortAsync(IndexSet selected, Resolution resolution)
    {
        var graph = resolution.Graph;
        var indices = selected.ToList();
        await LoadPowerLevelsAsync(indices, resolution);
        var indexToWaiting = new Dictionary<int, int>(indices.Count);
        var indexToCiting = new Dictionary<int, List<int>>(indices.Count);
        var ready = new PriorityQueue<int, Rank>();
        foreach (var index in indices)
        {
            var waiting = 0;
            foreach (var authEvent in graph.AuthEventsOf(index))
            {
                if (!selected.Contains(authEvent))
                    continue;
                waiting++;
                if (!indexToCiting.TryGetValue(authEvent, out var citing))
                    indexToCiting[authEvent] = citing = [];
                citing.Add(index);
            }
            indexToWaiting[index] = waiting;
            if (waiting == 0)
                ready.Enqueue(index, RankOf(index, resolution));
        }
        return Drain(ready, indexToWaiting, indexToCiting, resolution);
    }

    private static List<Pdu> Drain(
        PriorityQueue<int, Rank> ready, Dictionary<int, int> indexToWaiting, Dictionary<int, List<int>> indexToCiting,
        Resolution resolution)
    {
        var sorted = new List<Pdu>(indexToWaiting.Count);
        while (ready.TryDequeue(out var index, out _))
        {
            sorted.Add(resolution.PduOf(index));
            if (!indexToCiting.TryGetValue(index, out var citing))
                continue;
            foreach (var next in citing)
            {
                if (--indexToWaiting[next] == 0)
                    ready.Enqueue(next, RankOf(next, resolution));
            }
        }
        return sorted;
    }

    private static async ValueTask LoadPowerLevelsAsync(List<int> indices, Resolution resolution)
    {
        var needed = new IndexSet();
        foreach (var index in indices)
        {
            if (resolution.Graph.TryGetPowerLevelsOf(index, out var powerLevels))
                needed.Add(powerLevels);
        }
        await resolution.LoadPdusAsync(needed);
    }

    /// <summary>The sender's power is that of the power levels among the PDU's own auth events.</summary>
    private static Rank RankOf(int index, Resolution resolution)
    {
        var pdu = resolution.PduOf(index);
        var levels = resolution.Graph.TryGetPowerLevelsOf(index, out var powerLevels)
            ? resolution.LevelsOf(resolution.PduOf(powerLevels))
            : resolution.LevelsOf(null);
        return new(levels.UserLevel(pdu.Sender), pdu.OriginServerTs, pdu.EventId);
    }
}
