using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>State resolution of room version 1: pass by pass over event types, by depth.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v1 #state-resolution. Here a tuple is in conflict only where two states hold different PDUs for
/// it; what only some states hold is taken over.
/// SPEC?: within a pass, tuples are resolved by the state as it was when the pass began, so that their order does not
/// matter.
/// SPEC?: where no PDU of the last pass is let in, the one of the least depth is kept, as deployed servers do, rather
/// than none.
/// </remarks>
internal static class ResolutionV1
{
    private static readonly string[] AuthTypesInOrder =
        [EventTypes.PowerLevels, EventTypes.JoinRules, EventTypes.Member];

    public static async ValueTask<StateMap> ResolveAsync(Resolution resolution)
    {
        var state = new PartialState(resolution.Conflict, startsUnconflicted: true);
        var tupleToPdus = await FindConflictsAsync(state, resolution);
        foreach (var type in AuthTypesInOrder)
        {
            await RunPassAsync(
                tupleToPdus.Where(entry => entry.Key.Type == type), ResolveAuthEventsAsync, state, resolution);
        }
        await RunPassAsync(
            tupleToPdus.Where(entry =>
                !AuthTypesInOrder.Contains(entry.Key.Type)), ResolveOthersAsync, state, resolution);
        return await state.ToResolvedAsync();
    }

    private delegate ValueTask<Pdu> Resolve(IReadOnlyList<Pdu> pdus, PartialState state, Resolution resolution);

    /// <summary>The PDUs of each tuple in conflict, ascending by depth, then descending by SHA-1; the rest goes into
    /// the state at once.</summary>
    private static async ValueTask<Dictionary<StateTuple, List<Pdu>>> FindConflictsAsync(PartialState state,
        Resolution resolution)
    {
        await resolution.Pdus.LoadAsync(resolution.Conflict.EventIds);
        var tupleToPdus = new Dictionary<StateTuple, List<Pdu>>();
        foreach (var tuple in resolution.Conflict.Tuples)
        {
            var eventIds = new HashSet<EventId>();
            foreach (var values in resolution.Conflict.Values)
            {
                if (values.TryGetValue(tuple, out var eventId))
                    eventIds.Add(eventId);
            }
            if (eventIds.Count == 1)
            {
                state.Set(tuple, eventIds.Single());
                continue;
            }
            var pdus = new List<Pdu>(eventIds.Count);
            foreach (var eventId in eventIds)
            {
                if (resolution.Pdus.TryGet(eventId, out var known))
                    pdus.Add(known.Pdu);
            }
            pdus.Sort(CompareByDepth);
            if (pdus.Count > 0)
                tupleToPdus.Add(tuple, pdus);
        }
        return tupleToPdus;
    }

    private static async ValueTask RunPassAsync(
        IEnumerable<KeyValuePair<StateTuple, List<Pdu>>> conflicts, Resolve resolve, PartialState state,
            Resolution resolution)
    {
        var resolved = new List<(StateTuple Tuple, EventId EventId)>();
        foreach (var (tuple, pdus) in conflicts)
            resolved.Add((tuple, (await resolve(pdus, state, resolution)).EventId));
        foreach (var (tuple, eventId) in resolved)
            state.Set(tuple, eventId);
    }

    /// <summary>Takes the first, then each next one that the state with its predecessor lets in, until one is
    /// not.</summary>
    private static async ValueTask<Pdu> ResolveAuthEventsAsync(
        IReadOnlyList<Pdu> pdus, PartialState state, Resolution resolution)
    {
        var winner = pdus[0];
        for (var index = 1; index < pdus.Count; index++)
        {
            if (!await IsAllowedAsync(pdus[index], winner, state, resolution))
                break;
            winner = pdus[index];
        }
        return winner;
    }

    /// <summary>Takes the PDU of the highest depth, and of those the lowest SHA-1, that the state lets in.</summary>
    private static async ValueTask<Pdu> ResolveOthersAsync(IReadOnlyList<Pdu> pdus, PartialState state,
        Resolution resolution)
    {
        for (var index = pdus.Count - 1; index >= 0; index--)
        {
            if (await IsAllowedAsync(pdus[index], null, state, resolution))
                return pdus[index];
        }
        return pdus[0];
    }

    /// <summary>By the state alone: version 1 never looks at the PDU's own auth events.</summary>
    private static async ValueTask<bool> IsAllowedAsync(Pdu pdu, Pdu? inState, PartialState state,
        Resolution resolution)
    {
        var authState = new ResolvedAuthState(resolution);
        foreach (var tuple in AuthEventSelection.TuplesFor(pdu.Type, pdu.StateKey, pdu.Sender, pdu.Content, pdu.Rules))
        {
            if (inState?.StateTuple == tuple)
            {
                authState.Add(tuple, inState);
                continue;
            }
            if (await state.GetAsync(tuple) is not { } eventId)
                continue;
            await resolution.Pdus.LoadAsync([eventId]);
            if (resolution.Pdus.TryGet(eventId, out var known))
                authState.Add(tuple, known.Pdu);
        }
        return EventAuthorisation.Check(pdu, authState, resolution.Create).IsAllowed;
    }

    private static int CompareByDepth(Pdu first, Pdu second) => first.Depth != second.Depth
        ? first.Depth.CompareTo(second.Depth)
        : Sha1(second.EventId).AsSpan().SequenceCompareTo(Sha1(first.EventId));

#pragma warning disable CA5350 // The order of version 1 is defined by SHA-1; nothing here relies on its strength.
    private static byte[] Sha1(EventId eventId) => SHA1.HashData(Encoding.UTF8.GetBytes(eventId.Value));
#pragma warning restore CA5350
}
