using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Finds the room's visibility at each PDU of a batch that is fetched history: its position says nothing of
/// the state that held then.</summary>
/// <remarks>Cost: nothing without such PDUs; a path of the state map per state else.</remarks>
internal sealed class PastVisibilities(
    RoomserverRows rows, string schema, NpgsqlConnection connection, NpgsqlTransaction transaction) : IStateNodeReader
{
    private static readonly StateTuple Tuple = new("m.room.history_visibility", string.Empty);

    public async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        var rootToValue = new Dictionary<StateRoot, HistoryVisibility>();
        foreach (var row in rows.Pdus)
        {
            if (row.Fact.Disposition != PduDisposition.Backfilled)
                continue;
            if (!rootToValue.TryGetValue(row.Fact.StateBefore, out var value))
                rootToValue[row.Fact.StateBefore] = value = await FindAsync(row.Fact.StateBefore, cancellationToken);
            row.Visibility = value;
        }
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash)
    {
        await using var command = new NpgsqlCommand(StateNodeTable.Select, connection, transaction);
        command.Parameters.Add(new() { Value = hash.ToBytes(), NpgsqlDbType = NpgsqlDbType.Bytea });
        return (byte[]?)await command.ExecuteScalarAsync()
            ?? throw new InvalidOperationException($"The state node {hash} is not stored.");
    }

    private async ValueTask<HistoryVisibility> FindAsync(StateRoot root, CancellationToken cancellationToken)
    {
        var map = await StateMap.LoadAsync(root, this);
        if (await map.GetAsync(Tuple) is not { } eventId)
            return HistoryVisibility.Shared;
        return rows.FindPdu(eventId.Value) is { } row
            ? RoomHistory.VisibilityOf(row.Json)
            : await ReadPduAsync(eventId, cancellationToken);
    }

    private async ValueTask<HistoryVisibility> ReadPduAsync(EventId eventId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT json FROM {schema}.pdus WHERE event_id = $1", connection, transaction);
        command.Parameters.AddText(eventId.Value);
        return await command.ExecuteScalarAsync(cancellationToken) is byte[] json
            ? RoomHistory.VisibilityOf(json)
            : HistoryVisibility.Joined;
    }
}
