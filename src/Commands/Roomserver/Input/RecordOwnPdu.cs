using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>A PDU of ours that was decided before, and that the room's policy server has signed since.</summary>
/// <remarks>The room may have moved on: then the PDU is a branch of it, as another server's would be. What does not
/// pass any more is refused and recorded nowhere: nobody has seen it.</remarks>
internal sealed record RecordOwnPdu(RoomCommand Command, DecidedPdu Decided) : RoomInput(Command.Context)
{
    internal override async ValueTask<MatrixError?> DecideAsync(InputSession session)
    {
        if (session.Room is not { IsPresent: true })
            return RoomErrors.UnknownRoom;
        if (Command.Transaction is { } key && await session.FindFirstAnswerAsync(key) is { } first)
        {
            session.Outcomes.Add(new InputOutcome.Repeated(first));
            return null;
        }
        var outcome = await session.DecideAsync(new ReceivedPdu(Decided.Pdu)
        {
            SendOn = session.Self,
            Own = new OwnRequest(
                Command.Transaction,
                Command.Transaction?.DeviceId ?? Command.Context.Actor.Device,
                Decided.StrippedState),
        });
        if (outcome is not (InputOutcome.Undecided or { IsShown: true }))
            return MatrixError.Forbidden("The room changed meanwhile, and the event is not allowed any more.");
        session.Outcomes.Add(outcome);
        return null;
    }
}

/// <summary>What the log is to say of the request that led to a PDU of ours.</summary>
internal sealed record OwnRequest(TransactionKey? Transaction, string? DeviceId, RawJson? StrippedState);
