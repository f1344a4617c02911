using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>State resolution of room version 1, sentence by sentence.</summary>
internal static class OracleV1
{
    public static StateDictionary Resolve(IReadOnlyList<StateDictionary> states, Func<EventId, Pdu> get, Pdu create)
    {
        // Start by setting R to the union of the states to be resolved, excluding any conflicting events.
        var tupleToEventIds = states.SelectMany(state => state).GroupBy(entry => entry.Key, entry => entry.Value)
            .ToDictionary(group => group.Key, group => group.Distinct().ToList());
        var r = tupleToEventIds.Where(entry => entry.Value.Count == 1).ToDictionary(entry => entry.Key, entry =>
            entry.Value[0]);
        var conflicts = tupleToEventIds.Where(entry => entry.Value.Count > 1).ToDictionary();

        bool IsAllowed(EventId eventId, StateDictionary state) => EventAuthorisation.Check(
            get(eventId),
            new Oracle.Lookup(tuple => state.TryGetValue(tuple, out var found) ? get(found) : null),
            create).IsAllowed;

        string[] authTypes = ["m.room.power_levels", "m.room.join_rules", "m.room.member"];
        foreach (var type in authTypes)
        {
            var before = new StateDictionary(r);
            foreach (var (tuple, eventIds) in conflicts.Where(entry => entry.Key.Type == type))
            {
                // Sort the list by ascending depth then descending sha1(event_id). Add the first event in the list to
                // R.
                var sorted = eventIds.OrderBy(eventId =>
                    get(eventId).Depth).ThenByDescending(Sha1, StringComparer.Ordinal).ToList();
                var own = new StateDictionary(before) { [tuple] = sorted[0] };
                // If the event would be allowed, then update R with the event and continue. If it would not be allowed,
                // stop.
                foreach (var eventId in sorted.Skip(1))
                {
                    if (!IsAllowed(eventId, own))
                        break;
                    own[tuple] = eventId;
                }
                r[tuple] = own[tuple];
            }
        }
        // For all other conflicts, just pick the event with the highest depth and lowest sha1(event_id) that passes
        // authentication in R.
        var after = new StateDictionary(r);
        foreach (var (tuple, eventIds) in conflicts.Where(entry => !authTypes.Contains(entry.Key.Type)))
        {
            var sorted = eventIds.OrderByDescending(eventId =>
                get(eventId).Depth).ThenBy(Sha1, StringComparer.Ordinal).ToList();
            r[tuple] = sorted.Exists(eventId => IsAllowed(eventId, after)) ? sorted.Find(eventId =>
                IsAllowed(eventId, after)) : sorted[^1];
        }
        return r;
    }

#pragma warning disable CA5350 // The order of version 1 is defined by SHA-1.
    private static string Sha1(EventId eventId) =>
        Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(eventId.Value)));
#pragma warning restore CA5350
}
