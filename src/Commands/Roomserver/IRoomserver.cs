using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>The rooms of this server: each has one writer, and they never wait for each other.</summary>
public interface IRoomserver
{
    /// <summary>Queues a command at its room and answers once its facts are durable.</summary>
    /// <remarks>
    /// Errors: refusals are values. A quarantined room answers 500 M_UNKNOWN, a log that cannot be reached 503
    /// M_UNKNOWN.
    /// Cancellation: none; what was queued is decided and, when accepted, written.
    /// </remarks>
    ValueTask<RoomAnswer> PerformAsync(RoomId roomId, RoomCommand command);

    /// <summary>Queues what other servers made at its room, and answers once what is recorded of it is
    /// durable.</summary>
    /// <remarks>Errors: as for commands.</remarks>
    ValueTask<InputAnswer> ReceiveAsync(RoomId roomId, RoomInput input);

    /// <summary>The room and the given entries of its current state, behind every command queued before; null for an
    /// unknown room.</summary>
    ValueTask<RoomReading> ReadAsync(RoomId roomId, params IReadOnlyList<StateTuple> tuples);

    /// <summary>The room with what <paramref name="load"/> asks for of its current state.</summary>
    /// <remarks>Requires: load touches nothing but its loader; it runs on the room's worker.</remarks>
    ValueTask<RoomReading> ReadAsync(RoomId roomId, Func<IRoomLoader, ValueTask> load);
}

/// <summary>What became of a command.</summary>
public abstract record RoomAnswer
{
    private RoomAnswer() { }

    /// <summary>Done, and durable up to <paramref name="Position"/>. EventId: the command's last PDU, or the one that
    /// had done it already.</summary>
    public sealed record Done(EventId? EventId, LogPosition Position) : RoomAnswer;

    public sealed record Refused(MatrixError Error) : RoomAnswer;

    /// <summary>Decided, but recorded only once the room's policy server has signed.</summary>
    /// <remarks>Never leaves the Roomserver, which asks. Shape: Servers has one per PDU, null where none is
    /// needed.</remarks>
    internal sealed record Unsigned(ImmutableArray<DecidedPdu> Pdus, ImmutableArray<PolicyServer?> Servers)
        : RoomAnswer;
}

/// <summary>A look at a room.</summary>
public abstract record RoomReading
{
    private RoomReading() { }

    public sealed record Found(RoomView View) : RoomReading;

    /// <summary>This server has no such room.</summary>
    public sealed record Unknown : RoomReading;

    /// <summary>The room cannot be read now (quarantine, log out of reach).</summary>
    public sealed record Refused(MatrixError Error) : RoomReading;
}
