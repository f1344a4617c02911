using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>Step 1, first half: the power events of the full conflicted set, and what of the set they build
/// upon.</summary>
/// <remarks>Spec: v1.19 rooms/v12 #definitions, "Power events"; #algorithm, step 1.</remarks>
internal static class PowerEvents
{
    public static IndexSet Select(IndexSet fullConflicted, Resolution resolution)
    {
        var powerEvents = new List<int>();
        foreach (var index in fullConflicted.ToList())
        {
            if (IsPowerEvent(resolution.PduOf(index)))
                powerEvents.Add(index);
        }
        var selected = resolution.Graph.ChainOf(powerEvents);
        selected.IntersectWith(fullConflicted);
        foreach (var index in powerEvents)
            selected.Add(index);
        return selected;
    }

    /// <summary>Whether the PDU might take away someone's ability to do something.</summary>
    public static bool IsPowerEvent(Pdu pdu) => pdu.Type switch
    {
        EventTypes.PowerLevels or EventTypes.JoinRules => pdu.StateKey is not null,
        EventTypes.Member => pdu.StateKey is { } stateKey
            && stateKey != pdu.Sender.Value
            && MembershipParser.Of(pdu.Content) is Membership.Leave or Membership.Ban,
        _ => false,
    };
}
