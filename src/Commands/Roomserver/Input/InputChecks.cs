using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>The checks of the receipt list that need the room: each says why the PDU does not pass, or null.</summary>
/// <remarks>Spec: v1.19 server-server-api #checks-performed-on-receipt-of-a-pdu, checks 4 to 7.</remarks>
internal sealed class InputChecks(KnownPdus pdus)
{
    /// <summary>The auth events that are not known; empty when all are.</summary>
    public async ValueTask<ImmutableArray<EventId>> MissingAuthEventsAsync(Pdu pdu)
    {
        await pdus.LoadAsync(pdu.AuthEvents);
        var missing = ImmutableArray.CreateBuilder<EventId>();
        foreach (var authEvent in pdu.AuthEvents)
        {
            if (await pdus.FindAsync(authEvent) is null)
                missing.Add(authEvent);
        }
        return missing.ToImmutable();
    }

    /// <summary>Check 4: by its own auth events. Requires: all of them are known.</summary>
    public async ValueTask<string?> ByAuthEventsAsync(Pdu pdu, Pdu? create)
    {
        var authEvents = new List<AuthEvent>(pdu.AuthEvents.Count);
        var state = new FoundAuthState();
        foreach (var authEvent in pdu.AuthEvents)
        {
            var known = await pdus.FindAsync(authEvent);
            authEvents.Add(new AuthEvent(known!.Pdu, known.IsRejected));
            if (known.Pdu.StateTuple is { } tuple)
                state.Set(tuple, known.Pdu);
        }
        var listed = EventAuthorisation.CheckAuthEvents(pdu, authEvents);
        if (listed is AuthOutcome.Refused)
            return $"by its auth events: {listed}";
        var outcome = EventAuthorisation.Check(pdu, state, pdu.IsCreate ? null : create);
        return outcome is AuthOutcome.Refused ? $"by its auth events: {outcome}" : null;
    }

    /// <summary>Checks 5 and 6: by a state.</summary>
    public async ValueTask<string?> ByStateAsync(Pdu pdu, StateMap state, Pdu? create)
    {
        var found = await FindAsync(
            state, AuthEventSelection.TuplesFor(pdu.Type, pdu.StateKey, pdu.Sender, pdu.Content, pdu.Rules));
        var outcome = EventAuthorisation.Check(pdu, found, pdu.IsCreate ? null : create);
        return outcome is AuthOutcome.Refused ? outcome.ToString() : null;
    }

    /// <summary>Check 7: the room's policy server, where it has not signed the PDU and must; null for nothing to ask.
    /// </summary>
    /// <remarks>Spec: v1.19 server-server-api #validating-policy-server-signatures.</remarks>
    public async ValueTask<PolicyServer?> FindUnaskedAsync(Pdu pdu, StateMap current, RoomPolicy policy) =>
        PolicyServer.MustSign(pdu)
        && await policy.FindAsync(current, async tuple => await current.GetAsync(tuple) is { } eventId
            ? (await pdus.FindAsync(eventId))?.Pdu
            : null) is { } server
        && RoomPolicy.MustAsk(server, pdu)
            ? server
            : null;

    /// <summary>The power levels that a state holds, and what of it is asked for.</summary>
    public async ValueTask<FoundAuthState> FindAsync(StateMap state, IEnumerable<StateTuple> tuples)
    {
        var ids = new List<(StateTuple Tuple, EventId EventId)>();
        foreach (var tuple in tuples)
        {
            if (await state.GetAsync(tuple) is { } eventId)
                ids.Add((tuple, eventId));
        }
        await pdus.LoadAsync(ids.Select(entry => entry.EventId));
        var found = new FoundAuthState();
        foreach (var (tuple, eventId) in ids)
        {
            if (await pdus.FindAsync(eventId) is { } known)
                found.Set(tuple, known.Pdu);
        }
        return found;
    }

    /// <summary>Whether a user of the server is in the room by this state.</summary>
    public async ValueTask<bool> HasMemberOfAsync(ServerName server, StateMap current)
    {
        await foreach (var entry in current.EntriesOfTypeAsync(EventTypes.Member))
        {
            if (UserId.TryParse(entry.Tuple.StateKey, out var userId) && userId.Server == server
                && await pdus.FindAsync(entry.EventId) is { Pdu.Membership: "join" })
                return true;
        }
        return false;
    }
}

/// <summary>The few entries that one PDU is authorised by.</summary>
internal sealed class FoundAuthState : IAuthState
{
    private readonly List<(StateTuple Tuple, Pdu Pdu)> _entries = new(6);

    public void Set(StateTuple tuple, Pdu pdu) => _entries.Add((tuple, pdu));

    public Pdu? Get(StateTuple tuple)
    {
        foreach (var entry in _entries)
        {
            if (entry.Tuple == tuple)
                return entry.Pdu;
        }
        return null;
    }
}
