using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Keeps what PostgreSQL knows of young tables current while they grow.</summary>
/// <remarks>
/// A statement that was planned while its table was empty keeps that plan until the table is analysed: by autovacuum,
/// up to a minute later. A server that is new, or just joined its first large room, has tens of thousands of rows by
/// then. Later on autovacuum is enough.
/// </remarks>
internal sealed class TableStatistics(string schema)
{
    private const int FirstAt = 250;
    private const int Factor = 4;
    private const int LastAt = 64_000;

    private long _facts;
    private long _next = FirstAt;

    /// <summary>So many facts more are in the tables; analyses them where that was much.</summary>
    /// <remarks>Requires: no transaction is open on the connection.</remarks>
    public async ValueTask GrewAsync(int facts, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        _facts += facts;
        if (_facts < _next || _next > LastAt)
            return;
        while (_next <= _facts)
            _next *= Factor;
        await using var list = new NpgsqlCommand(
            "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables WHERE schemaname = $1",
            connection);
        list.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
        if (await list.ExecuteScalarAsync(cancellationToken) is not string tables)
            return;
        await using var analyse = new NpgsqlCommand($"ANALYZE {tables}", connection);
        await analyse.ExecuteNonQueryAsync(cancellationToken);
    }
}
