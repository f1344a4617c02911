using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>A message to one room's worker: what it must see, and how it decides.</summary>
/// <remarks>
/// Shape: immutable, so that after a conflict the same command decides again. All facts from outside the room are in it
/// before it is queued.
/// </remarks>
public abstract record RoomCommand(CommandContext Context)
{
    /// <summary>The request's transaction id, where the endpoint has one.</summary>
    public TransactionKey? Transaction { get; init; }

    /// <summary>When the event shall have happened, as an application service says; null for now.</summary>
    /// <remarks>Spec: v1.19 application-service-api #timestamp-massaging. Units: Unix milliseconds.</remarks>
    public long? OriginServerTs { get; init; }

    /// <summary>What the command is called in traces and logs.</summary>
    public string Name => GetType().Name;

    /// <summary>Loads the state entries that <see cref="Decide"/> will ask for. Create and power levels are always
    /// there.</summary>
    public abstract ValueTask LoadAsync(IRoomLoader loader);

    /// <summary>Decides on a room that exists. Pure.</summary>
    public abstract RoomDecision Decide(RoomView view, DecisionInputs inputs);

    /// <summary>Decides on a room that does not exist (here): what the endpoint says of unknown rooms.</summary>
    public abstract RoomDecision DecideUnknown();
}

/// <summary>Loads state entries of one room for a decision.</summary>
public interface IRoomLoader
{
    /// <summary>The room with what is loaded so far.</summary>
    RoomView View { get; }

    /// <summary>Loads one entry; nothing happens when it is loaded already.</summary>
    ValueTask LoadAsync(StateTuple tuple);

    /// <summary>Loads members that live on a server until one is found that has joined. Cost: a walk of the room's
    /// state.</summary>
    ValueTask LoadAnyJoinedMemberAsync(ServerName server);
}

/// <summary>What makes a request the same request again. Spec: client-server-api #transaction-identifiers.</summary>
/// <remarks>Shape: unique per user, device, scope (the endpoint and its path parameters beyond the room) and
/// room.</remarks>
public readonly record struct TransactionKey(UserId UserId, string DeviceId, string Scope, string TransactionId);
