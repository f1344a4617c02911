using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>Whether a redaction that came in takes effect, and on what.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v3 #handling-redactions: from version 3 on a redaction is let into the room whoever sent it, and
/// takes effect when its sender has the redact level or is on the server of who sent the target. Versions 1 and 2 check
/// that when it is authorised.
/// </remarks>
internal static class RedactionEffect
{
    public static async ValueTask<EventId?> FindAsync(
        Pdu pdu, StateMap stateBefore, Pdu create, KnownPdus pdus, InputChecks checks)
    {
        if (pdu.Type != EventTypes.Redaction || pdu.StateKey is not null || pdu.Redacts is not { } targetId
            || await pdus.FindAsync(targetId) is not { } target)
            return null;
        return await IsInForceAsync(pdu, stateBefore, target.Pdu, create, checks) ? targetId : null;
    }

    /// <summary>Whether a redaction that is in the room takes effect on its target.</summary>
    public static async ValueTask<bool> IsInForceAsync(
        Pdu pdu, StateMap stateBefore, Pdu target, Pdu create, InputChecks checks)
    {
        if (pdu.Rules.RedactionIsAuthorised || target.Sender.Server == pdu.Sender.Server)
            return true;
        var state = await checks.FindAsync(stateBefore, [AuthTuples.PowerLevels]);
        var levels = PowerLevels.From(state.Get(AuthTuples.PowerLevels), create);
        return levels.UserLevel(pdu.Sender) >= levels.Redact;
    }
}
