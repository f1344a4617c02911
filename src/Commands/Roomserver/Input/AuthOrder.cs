using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>Puts PDUs into an order in which each comes after those that it rests on.</summary>
/// <remarks>Cost: O(PDUs and references), without recursion: chains are as long as their authors like.</remarks>
public static class AuthOrder
{
    /// <summary>Each PDU once, after its auth events.</summary>
    public static List<Pdu> Sort(IReadOnlyList<Pdu> pdus) => Sort(pdus, static pdu => pdu.AuthEvents);

    /// <summary>Each PDU once, after its prev_events.</summary>
    public static List<Pdu> SortByPrevEvents(IReadOnlyList<Pdu> pdus) => Sort(pdus, static pdu => pdu.PrevEvents);

    private static List<Pdu> Sort(IReadOnlyList<Pdu> pdus, Func<Pdu, IReadOnlyList<EventId>> references)
    {
        var idToPdu = new Dictionary<EventId, Pdu>(pdus.Count);
        foreach (var pdu in pdus)
            idToPdu.TryAdd(pdu.EventId, pdu);
        var sorted = new List<Pdu>(idToPdu.Count);
        var entered = new HashSet<EventId>(idToPdu.Count);
        var path = new Stack<(Pdu Pdu, int Next)>();
        foreach (var start in pdus)
        {
            if (!entered.Add(start.EventId))
                continue;
            path.Push((start, 0));
            while (path.TryPop(out var step))
            {
                var cited = references(step.Pdu);
                if (step.Next == cited.Count)
                {
                    sorted.Add(idToPdu[step.Pdu.EventId]);
                    continue;
                }
                path.Push((step.Pdu, step.Next + 1));
                if (idToPdu.TryGetValue(cited[step.Next], out var next) && entered.Add(next.EventId))
                    path.Push((next, 0));
            }
        }
        return sorted;
    }
}
