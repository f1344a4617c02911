using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.State;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Makes the state nodes of a batch's roots again from the deltas, where the tables lost them.</summary>
/// <remarks>
/// In normal operation every root exists, because the write side stored its nodes before the append: one look-up per
/// batch that changes state.
/// INVARIANT: a root that is made again is the one that the fact names; a difference stops the projection.
/// </remarks>
internal sealed class StateNodeReplay(ProjectionBatch batch, string schema)
{
    private readonly Dictionary<StateRoot, ReadOnlyMemory<byte>> _made = [];
    private readonly Dictionary<string, StateRoot> _roomIdToRoot = [];

    public async ValueTask EnsureRootsAsync(CancellationToken cancellationToken)
    {
        var roots = new HashSet<StateRoot>();
        foreach (var record in batch.Facts)
        {
            if (record.Fact is not PduRecorded fact)
                continue;
            if (ChangesState(fact))
                roots.Add(fact.CurrentState);
            if (IsBesideCurrent(fact))
                roots.Add(fact.StateBefore);
        }
        if (roots.Count == 0)
            return;
        var known = await FindKnownAsync(roots, cancellationToken);
        if (known.Count == roots.Count)
            return;
        foreach (var record in batch.Facts)
        {
            if (record.Fact is PduRecorded fact)
                await FollowAsync(fact, (long)record.Record.Position.Value, known, cancellationToken);
        }
        await WriteAsync(cancellationToken);
    }

    private static bool ChangesState(PduRecorded fact) => !fact.StateAdded.IsEmpty || !fact.StateRemoved.IsEmpty;

    /// <summary>The state before it is another than the room's current state before it.</summary>
    private static bool IsBesideCurrent(PduRecorded fact) =>
        !fact.StateBeforeAdded.IsEmpty || !fact.StateBeforeRemoved.IsEmpty;

    private async ValueTask FollowAsync(
        PduRecorded fact, long position, HashSet<StateRoot> known, CancellationToken cancellationToken)
    {
        var room = fact.RoomId.Value;
        var makesBefore = IsBesideCurrent(fact) && !known.Contains(fact.StateBefore);
        var makesCurrent = ChangesState(fact) && !known.Contains(fact.CurrentState);
        if (makesBefore || makesCurrent)
        {
            if (!_roomIdToRoot.TryGetValue(room, out var earlier))
                earlier = await FindRootBeforeAsync(room, position, cancellationToken);
            if (makesBefore)
                await MakeAsync(fact, position, earlier, isBefore: true);
            if (makesCurrent)
                await MakeAsync(fact, position, earlier, isBefore: false);
            known.Add(fact.CurrentState);
            known.Add(fact.StateBefore);
        }
        _roomIdToRoot[room] = fact.CurrentState;
    }

    private async ValueTask MakeAsync(PduRecorded fact, long position, StateRoot earlier, bool isBefore)
    {
        var named = isBefore ? fact.StateBefore : fact.CurrentState;
        var before = await StateMap.LoadAsync(earlier, new Reader(this));
        var after = before;
        foreach (var tuple in isBefore ? fact.StateBeforeRemoved : fact.StateRemoved)
            after = await after.RemoveAsync(tuple);
        foreach (var entry in isBefore ? fact.StateBeforeAdded : fact.StateAdded)
            after = await after.SetAsync(entry.Tuple, entry.EventId);
        if (after.Root != named)
        {
            throw new InvalidOperationException(
                $"The state of {fact.RoomId} at {position} comes to {after.Root}, its fact says {named}.");
        }
        foreach (var node in after.NewNodesSince(before))
            _made[node.Hash] = node.Bytes;
    }

    private async ValueTask<HashSet<StateRoot>> FindKnownAsync(
        HashSet<StateRoot> roots, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(StateNodeTable.SelectKnown, batch.Connection, batch.Transaction);
        StateNodeTable.AddBytes(command.Parameters, [.. roots.Select(root => root.ToBytes())]);
        var known = new HashSet<StateRoot>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            known.Add(StateRoot.FromBytes(reader.GetFieldValue<byte[]>(0)));
        return known;
    }

    /// <summary>
    /// The room's current state before the batch: its root is not in the tables, but the open values of <c>state</c>
    /// are that very state,
    /// so the map is made from them when its root is not stored either.
    /// </summary>
    private async ValueTask<StateRoot> FindRootBeforeAsync(
        string room, long position, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT type, state_key, event_id FROM {schema}.state
            WHERE room_id = $1 AND from_position < $2 AND to_position >= $2
            """,
            batch.Connection,
            batch.Transaction);
        command.Parameters.Add(new() { Value = room, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = position, NpgsqlDbType = NpgsqlDbType.Bigint });
        var entries = new List<StateEntry>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            entries.Add(new(
                new(reader.GetString(0), reader.GetString(1)),
                Protocol.Identifiers.EventId.Parse(reader.GetString(2))));
        }
        var map = StateMap.FromEntries(entries);
        foreach (var node in map.NewNodesSince(StateMap.Empty))
            _made[node.Hash] = node.Bytes;
        return map.Root;
    }

    private async ValueTask WriteAsync(CancellationToken cancellationToken)
    {
        if (_made.Count == 0)
            return;
        await using var command = new NpgsqlCommand(StateNodeTable.Insert, batch.Connection, batch.Transaction);
        StateNodeTable.AddBytes(command.Parameters, [.. _made.Keys.Select(hash => hash.ToBytes())]);
        StateNodeTable.AddBytes(command.Parameters, [.. _made.Values.Select(bytes => bytes.ToArray())]);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed class Reader(StateNodeReplay owner) : IStateNodeReader
    {
        public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash)
        {
            if (owner._made.TryGetValue(hash, out var made))
                return made;
            await using var command = new NpgsqlCommand(
                StateNodeTable.Select, owner.Batch.Connection, owner.Batch.Transaction);
            command.Parameters.Add(new() { Value = hash.ToBytes(), NpgsqlDbType = NpgsqlDbType.Bytea });
            return (byte[]?)await command.ExecuteScalarAsync()
                ?? throw new InvalidOperationException($"The state node {hash} is not stored.");
        }
    }

    private ProjectionBatch Batch => batch;
}
