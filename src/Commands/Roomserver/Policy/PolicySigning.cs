using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Policy;

/// <summary>Has policy servers sign what rooms were about to take.</summary>
/// <remarks>
/// <code>
///   command ─► worker: decided, but unsigned ─► lane ─► worker: decided anew ─► policy server ─► worker: recorded
///                                            (a few at once)                       │ refuses: so do we
///   PDUs    ─► worker: undecided ─► policy server, several at once ─► worker: decided, soft-failed without
/// </code>
/// Spec: v1.19 server-server-api #validating-policy-server-signatures,
/// #asking-for-a-policy-server-signature-on-an-event.
/// The network is never inside a room's decision: while a policy server thinks, its room goes on.
/// </remarks>
public sealed class PolicySigning(IPolicyServers servers, TimeProvider clock)
{
    /// <summary>LIMIT: how often one command is decided. Ours: beyond that the room changes its policy server without
    /// pause.</summary>
    private const int AttemptsMax = 3;

    /// <summary>LIMIT: PDUs of one input that are asked about at once. Ours.</summary>
    private const int AsksAtOnce = 8;

    private readonly PolicyAbsences _absences = new(clock);

    private static readonly MatrixError Unsettled = new(
        503, ErrCodes.Unknown, "The room's policy changes too fast; try again.");

    /// <summary>The PDU with the policy server's signature, or why there is none.</summary>
    public async ValueTask<(Pdu? Signed, MatrixError? Error)> SignAsync(PolicyServer server, Pdu pdu)
    {
        var answer = await servers.AskAsync(server, pdu);
        if (answer is PolicyAnswer.Unreachable)
            _absences.Note(server.Server);
        else
            _absences.Forget(server.Server);
        switch (answer)
        {
            case PolicyAnswer.Refused refused:
                return (null, refused.Error);
            case PolicyAnswer.Unreachable unreachable:
                return (null, unreachable.Error);
            case PolicyAnswer.Signed { Signature: var signature }:
                return PduRewriting.AddSignature(pdu, server.Server, PolicyServer.KeyId, signature) switch
                {
                    PduBuildResult.Refused tooLarge => (null, tooLarge.Error),
                    PduBuildResult.Built { Pdu: var signed } when server.HasSigned(signed) => (signed, null),
                    _ => (null, new MatrixError(
                        502, ErrCodes.Unknown, "The policy server's signature is not of the room's key for it.")),
                };
            default:
                throw new Protocol.InvariantException("a policy server signs, refuses or is away");
        }
    }

    /// <summary>Performs a command whose PDUs need a signature. Requires: it was decided so.</summary>
    /// <param name="command">The command.</param>
    /// <param name="perform">Decides it, as the room is now.</param>
    /// <param name="receive">Records what was signed.</param>
    internal async ValueTask<RoomAnswer> PerformAsync(
        RoomCommand command,
        Func<RoomCommand, ValueTask<RoomAnswer>> perform,
        Func<RoomInput, ValueTask<InputAnswer>> receive)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var answer = await perform(command);
            if (answer is not RoomAnswer.Unsigned unsigned)
                return answer;
            var (pdus, error) = await SignAsync(unsigned);
            if (error is not null)
                return new RoomAnswer.Refused(error);
            if (command is FoundRoom founding)
            {
                command = founding with { Pdus = pdus };
                continue;
            }
            switch (await receive(new RecordOwnPdu(command, pdus[0])))
            {
                case InputAnswer.Refused refused:
                    return new RoomAnswer.Refused(refused.Error);
                case InputAnswer.Done { Outcomes: [InputOutcome.Repeated repeated] }:
                    return new RoomAnswer.Done(repeated.EventId, LogPosition.Start);
                case InputAnswer.Done { Outcomes: [InputOutcome.Recorded] }:
                    return new RoomAnswer.Done(pdus[0].Pdu.EventId, LogPosition.Start);
            }
        }
        return new RoomAnswer.Refused(Unsettled);
    }

    /// <summary>Takes an input to its end whose PDUs were left undecided for want of a signature.</summary>
    internal async ValueTask<InputAnswer> ReceiveAsync(
        RoomInput input, InputAnswer answer, Func<RoomInput, ValueTask<InputAnswer>> receive)
    {
        if (answer is not InputAnswer.Done { Outcomes: var outcomes }
            || !outcomes.Any(static outcome => outcome is InputOutcome.Undecided)
            || input.Undecided(outcomes) is not { Count: > 0 } undecided)
            return answer;
        var completed = await receive(input.Again(await AskAsync(undecided)));
        if (completed is not InputAnswer.Done { Outcomes: var decided })
            return completed;
        var next = 0;
        return new InputAnswer.Done(
            [.. outcomes.Select(outcome => outcome is InputOutcome.Undecided ? decided[next++] : outcome)]);
    }

    private async ValueTask<(ImmutableArray<DecidedPdu> Pdus, MatrixError? Error)> SignAsync(
        RoomAnswer.Unsigned unsigned)
    {
        var signed = ImmutableArray.CreateBuilder<DecidedPdu>(unsigned.Pdus.Length);
        for (var i = 0; i < unsigned.Pdus.Length; i++)
        {
            var decided = unsigned.Pdus[i];
            if (unsigned.Servers[i] is { } server)
            {
                var (pdu, error) = await SignAsync(server, decided.Pdu);
                if (pdu is null)
                    return ([], error);
                decided = decided with { Pdu = pdu };
            }
            signed.Add(decided);
        }
        return (signed.MoveToImmutable(), null);
    }

    /// <summary>The PDUs, those with a signature that were given one. Who gives no answer is not asked on.</summary>
    private async ValueTask<IReadOnlyList<Pdu>> AskAsync(IReadOnlyList<(Pdu Pdu, PolicyServer Server)> undecided)
    {
        var pdus = undecided.Select(one => one.Pdu).ToArray();
        var wanted = Enumerable.Range(0, pdus.Length)
            .Where(i => RoomPolicy.MustAsk(undecided[i].Server, pdus[i]));
        foreach (var some in wanted.Chunk(AsksAtOnce))
        {
            var asked = some.Where(i => !_absences.IsAway(undecided[i].Server.Server)).ToArray();
            var answers = await Task.WhenAll(
                asked.Select(i => SignAsync(undecided[i].Server, pdus[i]).AsTask()));
            for (var i = 0; i < asked.Length; i++)
                pdus[asked[i]] = answers[i].Signed ?? pdus[asked[i]];
        }
        return pdus;
    }
}
