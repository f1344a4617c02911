using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What PostgreSQL holds for one server. It outlives processes; rows and checkpoint are written together.</summary>
internal sealed class ServerTables(ServerName us, IEventReader log)
{
    private readonly List<DecodedRecord> _records = [];
    private DeliveryTables _deliveries = new(us);
    private int _roomsNext;
    private int _deliveriesNext;
    private int _edusNext;

    public EduTables Edus { get; private set; } = new();

    public RoomTables Rooms { get; private set; } = new();

    public DeliveryTables Deliveries => _deliveries;

    public NodeTable Nodes { get; } = new();

    public int Head => _records.Count;

    public bool IsBehind => _deliveriesNext < _records.Count;

    /// <summary>The head of the log as it is now.</summary>
    public async ValueTask<int> ReadHeadAsync()
    {
        var position = _records.Count == 0 ? LogPosition.Start : _records[^1].Record.Position;
        await foreach (var record in log.ReadAllAsync(position, ReadDirection.Forwards, long.MaxValue))
        {
            _records.Add(new DecodedRecord(
                record, FactCodec.Decode(record.Type, record.Data), FactCodec.DecodeMetadata(record.Metadata)));
        }
        return _records.Count;
    }

    public void ApplyRooms(int upTo)
    {
        if (upTo <= _roomsNext)
            return;
        Rooms.Apply(_records.GetRange(_roomsNext, upTo - _roomsNext));
        _roomsNext = upTo;
    }

    public void ApplyEdus(int upTo)
    {
        if (upTo <= _edusNext)
            return;
        Edus.Apply(_records.GetRange(_edusNext, upTo - _edusNext));
        _edusNext = upTo;
    }

    /// <summary>The EduServer's tables are made again from the log.</summary>
    public void RebuildEdus()
    {
        Edus = new EduTables();
        _edusNext = 0;
        ApplyEdus(_records.Count);
    }

    /// <summary>Follows the log; the destinations for which something waits now are returned.</summary>
    public IReadOnlyCollection<string> ApplyDeliveries(int upTo)
    {
        if (upTo <= _deliveriesNext)
            return [];
        var batch = _records.GetRange(_deliveriesNext, upTo - _deliveriesNext);
        _deliveriesNext = upTo;
        return _deliveries.Apply(batch, null);
    }

    /// <summary>The Roomserver's tables are made again from the log.</summary>
    public void RebuildRooms(Random random)
    {
        Rooms = new RoomTables();
        _roomsNext = 0;
        while (_roomsNext < _records.Count)
            ApplyRooms(Math.Min(_roomsNext + 1 + random.Next(40), _records.Count));
    }

    /// <summary>The FedSender's tables are made again from the log, in batches of any size.</summary>
    public void RebuildDeliveries(Random random)
    {
        var delivered = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var record in _records)
        {
            switch (record.Fact)
            {
                case TransactionDelivered fact:
                    delivered[fact.Destination.Value] = fact.UpTo;
                    break;
                case DeliveryFailed fact:
                    delivered[fact.Destination.Value] = fact.DeliveredUpTo;
                    break;
            }
        }
        _deliveries = new DeliveryTables(us);
        _deliveriesNext = 0;
        while (_deliveriesNext < _records.Count)
        {
            var size = Math.Min(1 + random.Next(40), _records.Count - _deliveriesNext);
            _deliveries.Apply(_records.GetRange(_deliveriesNext, size), delivered);
            _deliveriesNext += size;
        }
    }
}

/// <summary>The read side as one process asks it: what must be as new as the log waits for its projection, however slow
/// that is; what need not be is as old as the projection left it.</summary>
internal sealed class ReadSide(ServerTables tables, SimulatedLog process, FedSenderSignals signals)
    : IRoomserverQueries, IRoomGraphQueries, IJoinedHosts, IDeliveryQueue
{
    public async ValueTask<IReadOnlyList<RoomserverPdu>> FindPdusAsync(
        IReadOnlyList<EventId> eventIds, CancellationToken cancellationToken = default)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.Find(eventIds);
    }

    public async ValueTask<EventId?> FindTransactionAsync(
        RoomId roomId, UserId userId, string deviceId, string scope, string transactionId, CancellationToken cancellationToken = default)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.FindTransaction(roomId, userId, deviceId, scope, transactionId);
    }

    public async ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId, CancellationToken cancellationToken = default)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.JoinedRooms(userId);
    }

    public ValueTask<IReadOnlyList<RoomId>> RoomsOfAsync(UserId userId, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask<RoomId?> FindAliasAsync(RoomAlias alias, CancellationToken cancellationToken = default) => new((RoomId?)null);

    public ValueTask<IReadOnlyList<RoomAlias>> AliasesOfAsync(RoomId roomId, CancellationToken cancellationToken = default) =>
        new((IReadOnlyList<RoomAlias>)[]);

    public ValueTask<bool> IsPublicAsync(RoomId roomId, CancellationToken cancellationToken = default) => new(false);

    public async ValueTask<string?> FindRoomVersionAsync(RoomId roomId, CancellationToken cancellationToken = default)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.FindVersion(roomId);
    }

    public async ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(RoomId roomId, EventId eventId, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.CitedBy(roomId, eventId);
    }

    public async ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.MissingLinks(roomId);
    }

    public async ValueTask<long> NewsFromDepthAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.NewsFromDepth(roomId);
    }

    public async ValueTask<IReadOnlyList<(EventId Target, EventId Redaction)>> RedactionsInWaitingAsync(
        RoomId roomId, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.RedactionsInWaiting(roomId);
    }

    public async ValueTask<IReadOnlyList<EventId>> BackwardExtremitiesAsync(RoomId roomId, int limit, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.BackwardExtremities(roomId, limit);
    }

    /// <summary>Nobody turns pages in the simulation.</summary>
    public ValueTask<IReadOnlyList<EventId>> ExtremitiesOfLastGapAsync(
        TimelineStretch stretch, int limit, CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<EventId>>([]);

    public async ValueTask<EventId?> FindMembershipAsync(RoomId roomId, UserId userId, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.FindMembership(roomId, userId);
    }

    public async ValueTask<IReadOnlyList<UserId>> BannedAsync(RoomId roomId, int limit, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.Banned(roomId, limit);
    }

    /// <summary>Only asked by an endpoint that is not simulated.</summary>
    public ValueTask<bool> IsServerInvitedAsync(
        RoomId roomId, ServerName server, CancellationToken cancellationToken) => throw new NotSupportedException();

    public async ValueTask<(EventId EventId, long OriginServerTs)?> FindNearestAsync(
        RoomId roomId, long ts, bool isForwards, CancellationToken cancellationToken)
    {
        await WaitForRoomsAsync();
        return tables.Rooms.FindNearest(roomId, ts, isForwards);
    }

    public async ValueTask<IReadOnlyList<ServerName>> InRoomAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        await WaitForDeliveriesAsync();
        return tables.Deliveries.InRoom(roomId);
    }

    public async ValueTask<IReadOnlyList<ServerName>> SharingWithAsync(UserId userId, CancellationToken cancellationToken)
    {
        await WaitForDeliveriesAsync();
        return tables.Deliveries.SharingWith(userId);
    }

    public async ValueTask<List<string>> WaitingAsync(CancellationToken cancellationToken)
    {
        await process.PauseAsync();
        return tables.Deliveries.Waiting();
    }

    public async ValueTask<List<QueuedFact>> QueueAsync(
        ServerName destination, long after, long upTo, int limit, CancellationToken cancellationToken)
    {
        await process.PauseAsync();
        return tables.Deliveries.Queue(destination, after, upTo, limit);
    }

    /// <summary>The FedSender's projection goes on by itself, as far as it comes.</summary>
    public async Task FollowAsync(Random random)
    {
        var head = await tables.ReadHeadAsync();
        if (!process.IsDead)
            signals.Queued(tables.ApplyDeliveries(head - random.Next(3)));
    }

    private async ValueTask WaitForRoomsAsync()
    {
        var head = await tables.ReadHeadAsync();
        await process.PauseAsync();
        tables.ApplyRooms(head);
    }

    private async ValueTask WaitForDeliveriesAsync()
    {
        var head = await tables.ReadHeadAsync();
        await process.PauseAsync();
        signals.Queued(tables.ApplyDeliveries(head));
    }
}
