using System.Diagnostics.CodeAnalysis;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>The active rooms: a worker each, made on demand, the longest idle one stopped when there are too
/// many.</summary>
public sealed class RoomWorkers : IRoomserver, IAsyncDisposable
{
    private static readonly MatrixError Stopping = new(503, ErrCodes.Unknown, "The server is stopping.");

    private readonly Lock _lock = new();
    private readonly Dictionary<RoomId, LinkedListNode<(RoomId RoomId, RoomWorker Worker)>> _roomIdToNode = [];
    private readonly LinkedList<(RoomId RoomId, RoomWorker Worker)> _newestFirst = [];
    private readonly RoomWorkerServices _services;
    private readonly PolicySigning _signing;
    private readonly int _activeMax;
    private bool _isStopping;

    public RoomWorkers(
        IEventStore log,
        IStateNodeStore nodes,
        IPduStore pdus,
        ITransactionLog transactions,
        IRoomGraph graph,
        PolicySigning signing,
        ServerIdentity identity,
        TimeProvider clock,
        IRandom random,
        RoomserverHealth health,
        ILogger<RoomWorkers> logger)
        : this(
            log,
            nodes,
            pdus,
            transactions,
            graph,
            signing,
            identity,
            clock,
            random,
            health,
            logger,
            Limits.RoomsActiveMax)
    {
    }

    [SuppressMessage("Major Code Smell", "S107", Justification = "One place puts the ports together.")]
    internal RoomWorkers(
        IEventStore log,
        IStateNodeStore nodes,
        IPduStore pdus,
        ITransactionLog transactions,
        IRoomGraph graph,
        PolicySigning signing,
        ServerIdentity identity,
        TimeProvider clock,
        IRandom random,
        RoomserverHealth health,
        ILogger<RoomWorkers> logger,
        int activeMax)
    {
        var store = new RoomStore(log, nodes, pdus);
        _services = new RoomWorkerServices(
            log, store, transactions, graph, identity, clock, random, health, logger);
        _signing = signing;
        _activeMax = activeMax;
    }

    /// <summary>How many rooms have a worker.</summary>
    public int ActiveCount
    {
        get
        {
            lock (_lock)
                return _roomIdToNode.Count;
        }
    }

    public async ValueTask<RoomAnswer> PerformAsync(RoomId roomId, RoomCommand command)
    {
        if (Enter(roomId) is not { } worker)
            return new RoomAnswer.Refused(Stopping);
        try
        {
            var answer = await PerformAsync(worker, command);
            return answer is RoomAnswer.Unsigned ? await PerformSignedAsync(worker, command) : answer;
        }
        finally
        {
            Leave(worker);
        }
    }

    public ValueTask<RoomReading> ReadAsync(RoomId roomId, params IReadOnlyList<StateTuple> tuples) =>
        ReadAsync(roomId, new ReadWork(tuples, null));

    public ValueTask<RoomReading> ReadAsync(RoomId roomId, Func<IRoomLoader, ValueTask> load) =>
        ReadAsync(roomId, new ReadWork([], load));

    private async ValueTask<RoomReading> ReadAsync(RoomId roomId, ReadWork work)
    {
        if (Enter(roomId) is not { } worker)
            return new RoomReading.Refused(Stopping);
        try
        {
            return await worker.TryEnqueueAsync(work) ? await work.Answered : new RoomReading.Refused(Stopping);
        }
        finally
        {
            Leave(worker);
        }
    }

    public async ValueTask<InputAnswer> ReceiveAsync(RoomId roomId, RoomInput input)
    {
        if (Enter(roomId) is not { } worker)
            return new InputAnswer.Refused(Stopping);
        try
        {
            return await _signing.ReceiveAsync(
                input, await ReceiveAsync(worker, input), next => ReceiveAsync(worker, next));
        }
        finally
        {
            Leave(worker);
        }
    }

    private static async ValueTask<RoomAnswer> PerformAsync(RoomWorker worker, RoomCommand command)
    {
        var work = new CommandWork(command);
        return await worker.TryEnqueueAsync(work) ? await work.Answered : new RoomAnswer.Refused(Stopping);
    }

    private static async ValueTask<InputAnswer> ReceiveAsync(RoomWorker worker, RoomInput input)
    {
        var work = new InputWork(input);
        return await worker.TryEnqueueAsync(work) ? await work.Answered : new InputAnswer.Refused(Stopping);
    }

    /// <summary>What is signed one by one forks the room as often; so only a few at once are on their way.</summary>
    private async ValueTask<RoomAnswer> PerformSignedAsync(RoomWorker worker, RoomCommand command)
    {
        await worker.SigningLane.WaitAsync();
        try
        {
            return await _signing.PerformAsync(
                command, next => PerformAsync(worker, next), input => ReceiveAsync(worker, input));
        }
        finally
        {
            worker.SigningLane.Release();
        }
    }

    /// <summary>Takes no more commands, and returns once all that were queued are answered.</summary>
    public async ValueTask DisposeAsync()
    {
        List<RoomWorker> workers;
        lock (_lock)
        {
            _isStopping = true;
            workers = [.. _newestFirst.Select(entry => entry.Worker)];
        }
        foreach (var worker in workers)
            worker.Stop();
        foreach (var worker in workers)
            await worker.Stopped;
    }

    private RoomWorker? Enter(RoomId roomId)
    {
        lock (_lock)
        {
            if (_isStopping)
                return null;
            if (_roomIdToNode.TryGetValue(roomId, out var node))
            {
                _newestFirst.Remove(node);
                _newestFirst.AddFirst(node);
            }
            else
            {
                node = _newestFirst.AddFirst((roomId, new RoomWorker(roomId, _services)));
                _roomIdToNode[roomId] = node;
                Evict();
            }
            node.Value.Worker.Callers++;
            return node.Value.Worker;
        }
    }

    private void Leave(RoomWorker worker)
    {
        lock (_lock)
            worker.Callers--;
    }

    /// <summary>Stops idle workers from the end; busy ones and quarantined ones stay, whatever the bound.</summary>
    private void Evict()
    {
        for (var node = _newestFirst.Last; _roomIdToNode.Count > _activeMax && node is not null
            && node != _newestFirst.First;)
        {
            var previous = node.Previous;
            if (node.Value.Worker is { Callers: 0, IsQuarantined: false } idle)
            {
                idle.Stop();
                _roomIdToNode.Remove(node.Value.RoomId);
                _newestFirst.Remove(node);
            }
            node = previous;
        }
    }
}
