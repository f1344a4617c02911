using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>Step 3: the remaining PDUs by where their power levels stand on the mainline, oldest first.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v12 #definitions, "Mainline ordering".
/// Cost: each power levels PDU is visited once.
/// </remarks>
internal static class MainlineOrdering
{
    private const int Infinity = int.MaxValue;

    /// <param name="indices">The PDUs to sort.</param>
    /// <param name="powerLevels">The power levels PDU in the partially resolved state, or null.</param>
    /// <param name="resolution">The resolution.</param>
    public static List<Pdu> Sort(List<int> indices, EventId? powerLevels, Resolution resolution)
    {
        var indexToPosition = Mainline(powerLevels, resolution);
        var ranked = new List<(int Position, Pdu Pdu)>(indices.Count);
        foreach (var index in indices)
            ranked.Add((PositionOf(index, indexToPosition, resolution.Graph), resolution.PduOf(index)));
        ranked.Sort(Compare);
        return ranked.ConvertAll(entry => entry.Pdu);
    }

    private static Dictionary<int, int> Mainline(EventId? powerLevels, Resolution resolution)
    {
        var indexToPosition = new Dictionary<int, int>();
        if (powerLevels is not { } eventId || !resolution.Graph.TryGetIndex(eventId, out var index))
            return indexToPosition;
        do
        {
            indexToPosition.Add(index, indexToPosition.Count);
        }
        while (resolution.Graph.TryGetPowerLevelsOf(index, out index));
        return indexToPosition;
    }

    /// <summary>Follows the power levels of the PDU's auth events to the mainline; the PDU itself does not
    /// count.</summary>
    private static int PositionOf(int index, Dictionary<int, int> indexToPosition, AuthGraph graph)
    {
        var walked = new List<int>();
        var position = Infinity;
        while (graph.TryGetPowerLevelsOf(index, out index))
        {
            if (indexToPosition.TryGetValue(index, out position))
                break;
            position = Infinity;
            walked.Add(index);
        }
        // What was walked leads to the same place: the next PDU need not walk it again.
        foreach (var passed in walked)
            indexToPosition.Add(passed, position);
        return position;
    }

    private static int Compare((int Position, Pdu Pdu) first, (int Position, Pdu Pdu) second)
    {
        if (first.Position != second.Position)
            return second.Position.CompareTo(first.Position);
        return first.Pdu.OriginServerTs != second.Pdu.OriginServerTs
            ? first.Pdu.OriginServerTs.CompareTo(second.Pdu.OriginServerTs)
            : first.Pdu.EventId.CompareTo(second.Pdu.EventId);
    }
}
