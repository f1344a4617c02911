using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Several queries in one round trip, each with the place that its rows go to.</summary>
internal sealed class QueryBatch(NpgsqlDataSource database)
{
    private readonly List<(
        string Sql, Action<NpgsqlParameterCollection> Bind, Action<NpgsqlDataReader> Row)> _queries = [];

    public bool IsEmpty => _queries.Count == 0;

    public void Add(string sql, Action<NpgsqlParameterCollection> bind, Action<NpgsqlDataReader> row) =>
        _queries.Add((sql, bind, row));

    public async ValueTask ExecuteAsync(CancellationToken cancellationToken)
    {
        if (_queries.Count == 0)
            return;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        foreach (var query in _queries)
            query.Bind(batch.Add(query.Sql));
        // Prepared once per physical connection; after that it is a look-up.
        await batch.PrepareAsync(cancellationToken);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        foreach (var query in _queries)
        {
            while (await reader.ReadAsync(cancellationToken))
                query.Row(reader);
            await reader.NextResultAsync(cancellationToken);
        }
        _queries.Clear();
    }
}
