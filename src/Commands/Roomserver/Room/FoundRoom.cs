using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Brings a room into being with PDUs that were decided before it had a worker.</summary>
internal sealed record FoundRoom(CommandContext Context, ImmutableArray<DecidedPdu> Pdus) : RoomCommand(Context)
{
    public override ValueTask LoadAsync(IRoomLoader loader) => ValueTask.CompletedTask;

    public override RoomDecision Decide(RoomView view, DecisionInputs inputs) =>
        new MatrixError(500, ErrCodes.Unknown, "A room with this id exists already.");

    public override RoomDecision DecideUnknown() => new RoomDecision.Accepted(Pdus);
}
