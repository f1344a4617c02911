using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>The few entries that one PDU is authorised by during a resolution.</summary>
internal sealed class ResolvedAuthState(Resolution resolution) : IAuthState
{
    private readonly List<(StateTuple Tuple, Pdu Pdu)> _entries = new(6);

    public void Add(StateTuple tuple, Pdu pdu) => _entries.Add((tuple, pdu));

    public Pdu? Get(StateTuple tuple)
    {
        foreach (var entry in _entries)
        {
            if (entry.Tuple == tuple)
                return entry.Pdu;
        }
        return null;
    }

    public PowerLevels GetPowerLevels(Pdu create) => resolution.LevelsOf(Get(AuthTuples.PowerLevels));
}
