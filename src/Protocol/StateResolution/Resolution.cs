using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>What the steps of one resolution share: the conflict, the PDUs read, the auth DAG, the power levels
/// parsed.</summary>
internal sealed class Resolution(Conflict conflict, Pdu create, IPduSource source, AuthGraph graph)
{
    private readonly Dictionary<EventId, PowerLevels> _eventIdToLevels = [];
    private PowerLevels? _levelsWithoutPdu;

    public Conflict Conflict => conflict;

    public Pdu Create => create;

    public PduCache Pdus { get; } = new(source);

    public AuthGraph Graph => graph;

    /// <summary>The indices of PDUs that are in the graph; one that this server does not have takes no part.</summary>
    public List<int> IndicesOf(IEnumerable<EventId> eventIds)
    {
        var indices = new List<int>();
        foreach (var eventId in eventIds)
        {
            if (graph.TryGetIndex(eventId, out var index))
                indices.Add(index);
        }
        return indices;
    }

    public async ValueTask LoadPdusAsync(IndexSet indices)
    {
        var eventIds = new List<EventId>();
        foreach (var index in indices.ToList())
            eventIds.Add(graph.EventIdOf(index));
        await Pdus.LoadAsync(eventIds);
    }

    /// <summary>INVARIANT: the PDU was loaded, and everything in the graph can be found.</summary>
    public Pdu PduOf(int index) => Pdus.TryGet(graph.EventIdOf(index), out var known)
        ? known.Pdu
        : throw new InvalidOperationException($"{graph.EventIdOf(index)} was known once and is not any more.");

    public PowerLevels LevelsOf(Pdu? powerLevels)
    {
        if (powerLevels is null)
            return _levelsWithoutPdu ??= PowerLevels.From(null, create);
        if (!_eventIdToLevels.TryGetValue(powerLevels.EventId, out var levels))
            _eventIdToLevels[powerLevels.EventId] = levels = PowerLevels.From(powerLevels, create);
        return levels;
    }
}
