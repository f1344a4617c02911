using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>Steps 2 and 4: applies each PDU that the state so far, filled up from the PDU's own auth events, lets
/// in.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v12 #definitions, "Iterative auth checks"; #rejected-events: a rejected auth event is never used, a
/// rejected PDU of the list is checked like any other.
/// </remarks>
internal static class IterativeAuthChecks
{
    public static async ValueTask ApplyAsync(IReadOnlyList<Pdu> pdus, PartialState state, Resolution resolution)
    {
        await LoadAuthEventsAsync(pdus, resolution);
        foreach (var pdu in pdus)
        {
            if (pdu.StateTuple is not { } tuple)
                continue;
            var authState = await CollectAsync(pdu, state, resolution);
            if (EventAuthorisation.Check(pdu, authState, resolution.Create).IsAllowed)
                state.Set(tuple, pdu.EventId);
        }
    }

    private static async ValueTask LoadAuthEventsAsync(IReadOnlyList<Pdu> pdus, Resolution resolution)
    {
        var eventIds = new List<EventId>();
        foreach (var pdu in pdus)
            eventIds.AddRange(pdu.AuthEvents);
        await resolution.Pdus.LoadAsync(eventIds);
    }

    private static async ValueTask<ResolvedAuthState> CollectAsync(Pdu pdu, PartialState state, Resolution resolution)
    {
        var authState = new ResolvedAuthState(resolution);
        foreach (var tuple in AuthEventSelection.TuplesFor(pdu.Type, pdu.StateKey, pdu.Sender, pdu.Content, pdu.Rules))
        {
            var found = await state.GetAsync(tuple) is { } eventId
                ? await GetAsync(eventId, resolution)
                : FindAuthEvent(pdu, tuple, resolution);
            if (found is not null)
                authState.Add(tuple, found);
        }
        return authState;
    }

    private static async ValueTask<Pdu?> GetAsync(EventId eventId, Resolution resolution)
    {
        await resolution.Pdus.LoadAsync([eventId]);
        return resolution.Pdus.TryGet(eventId, out var known) ? known.Pdu : null;
    }

    private static Pdu? FindAuthEvent(Pdu pdu, StateTuple tuple, Resolution resolution)
    {
        foreach (var eventId in pdu.AuthEvents)
        {
            if (resolution.Pdus.TryGet(eventId, out var known) && !known.IsRejected && known.Pdu.StateTuple == tuple)
                return known.Pdu;
        }
        return null;
    }
}
