using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.State;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>
/// The nodes of all state maps, by their hash: a fixed schema, because a node is the same for every version of every
/// reader.
/// </summary>
/// <remarks>
/// Written by the write side before it appends the fact that names a root, and by the replay where a root is missing.
/// A node never changes, so both may write at any time.
/// </remarks>
public sealed class StateNodeTable(NpgsqlDataSource database) : IFixedSchema, IStateNodeReader
{
    internal const string Select = "SELECT bytes FROM statestore.state_nodes WHERE hash = $1";
    internal const string SelectMany = "SELECT hash, bytes FROM statestore.state_nodes WHERE hash = ANY($1)";
    internal const string SelectKnown = "SELECT hash FROM statestore.state_nodes WHERE hash = ANY($1)";
    internal const string Insert =
        "INSERT INTO statestore.state_nodes (hash, bytes) SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING";

    public string Ddl => """
        CREATE SCHEMA IF NOT EXISTS statestore;
        CREATE TABLE IF NOT EXISTS statestore.state_nodes (hash bytea PRIMARY KEY, bytes bytea NOT NULL);
        """;

    /// <summary>The bytes of a node, or null when it is not stored.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(StateRoot hash)
    {
        await using var command = database.CreateCommand(Select);
        command.Parameters.Add(new() { Value = hash.ToBytes(), NpgsqlDbType = NpgsqlDbType.Bytea });
        return (byte[]?)await command.ExecuteScalarAsync() is { } bytes ? (ReadOnlyMemory<byte>?)bytes : null;
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash) =>
        await FindAsync(hash) ?? throw Missing(hash);

    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadManyAsync(IReadOnlyList<StateRoot> hashes)
    {
        var hashToBytes = new Dictionary<StateRoot, ReadOnlyMemory<byte>>(hashes.Count);
        await using var command = database.CreateCommand(SelectMany);
        AddBytes(command.Parameters, [.. hashes.Select(hash => hash.ToBytes())]);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            hashToBytes[StateRoot.FromBytes(reader.GetFieldValue<byte[]>(0))] = reader.GetFieldValue<byte[]>(1);
        }
        var nodes = new ReadOnlyMemory<byte>[hashes.Count];
        for (var index = 0; index < nodes.Length; index++)
        {
            if (!hashToBytes.TryGetValue(hashes[index], out nodes[index]))
                throw Missing(hashes[index]);
        }
        return nodes;
    }

    public async ValueTask WriteAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> nodes)
    {
        if (nodes.Count == 0)
            return;
        await using var command = database.CreateCommand(Insert);
        var hashes = new byte[nodes.Count][];
        var bytes = new byte[nodes.Count][];
        for (var index = 0; index < nodes.Count; index++)
        {
            hashes[index] = nodes[index].Key.ToBytes();
            bytes[index] = nodes[index].Value.ToArray();
        }
        AddBytes(command.Parameters, hashes);
        AddBytes(command.Parameters, bytes);
        await command.ExecuteNonQueryAsync();
    }

    private static InvalidOperationException Missing(StateRoot hash) => new($"The state node {hash} is not stored.");

    internal static void AddBytes(NpgsqlParameterCollection parameters, byte[][] values) =>
        parameters.Add(new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });
}
