using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Policy;

/// <summary>Which policy servers were of no use just now.</summary>
/// <remarks>A gap of a room is filled PDU by PDU: without this, one dead policy server would be waited for at each.
/// </remarks>
internal sealed class PolicyAbsences(TimeProvider clock)
{
    /// <summary>LIMIT: how long others' PDUs go without a question to it. Ours: it may be back; ours are always asked
    /// about.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    /// <summary>LIMIT: servers that are remembered. Ours.</summary>
    private const int ServersMax = 1_024;

    private readonly LruCache<ServerName, Absence> _absences = new(ServersMax);

    public void Note(ServerName server) => _absences.Set(server, new Absence(clock.GetTimestamp()));

    public void Forget(ServerName server) => _absences.Remove(server);

    public bool IsAway(ServerName server) =>
        _absences.Find(server) is { } absence && clock.GetElapsedTime(absence.NotedAt) < Remembered;

    private sealed record Absence(long NotedAt);
}
