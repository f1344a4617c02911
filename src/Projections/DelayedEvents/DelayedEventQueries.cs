using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.DelayedEvents;

/// <summary>Reads which events wait to be sent.</summary>
/// <remarks>Requires: the caller waited for <see cref="DelayedEventsProjection.Gate"/>. Units: times are Unix
/// milliseconds.</remarks>
public sealed class DelayedEventQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Table => schemas.Live(DelayedEventsProjection.ProjectionName) + ".delayed_events";

    /// <summary>How many of a user's wait, and when the first of them is to be sent.</summary>
    public async ValueTask<(int Count, long? FirstDueMs)> CountAsync(
        string sender, CancellationToken cancellationToken)
    {
        (int Count, long? FirstDueMs) found = default;
        await AskAsync(
            $"SELECT count(*), min(due_ms) FROM {Table} WHERE sender = $1",
            parameters => parameters.AddText(sender),
            row => found = ((int)row.GetInt64(0), row.IsDBNull(1) ? null : row.GetInt64(1)),
            cancellationToken);
        return found;
    }

    /// <summary>A user's that wait, in the order of their times.</summary>
    public ValueTask<List<string>> FindOfAsync(string sender, CancellationToken cancellationToken) => ListAsync(
        $"SELECT delay_id FROM {Table} WHERE sender = $1 ORDER BY due_ms, delay_id",
        parameters => parameters.AddText(sender),
        cancellationToken);

    /// <summary>Those that are to be sent at a time or before it, in the order of their times.</summary>
    public ValueTask<List<string>> FindDueAsync(long atMs, int limit, CancellationToken cancellationToken) => ListAsync(
        $"SELECT delay_id FROM {Table} WHERE due_ms <= $1 ORDER BY due_ms, delay_id LIMIT $2",
        parameters =>
        {
            parameters.AddBigInt(atMs);
            parameters.AddInt(limit);
        },
        cancellationToken);

    /// <summary>When the first of all is to be sent; null for none.</summary>
    public async ValueTask<long?> FindFirstDueAsync(CancellationToken cancellationToken)
    {
        long? first = null;
        await AskAsync(
            $"SELECT due_ms FROM {Table} ORDER BY due_ms LIMIT 1",
            static _ => { },
            row => first = row.GetInt64(0),
            cancellationToken);
        return first;
    }

    private async ValueTask<List<string>> ListAsync(
        string sql, Action<NpgsqlParameterCollection> bind, CancellationToken cancellationToken)
    {
        var found = new List<string>();
        await AskAsync(sql, bind, row => found.Add(row.GetString(0)), cancellationToken);
        return found;
    }

    private async ValueTask AskAsync(
        string sql,
        Action<NpgsqlParameterCollection> bind,
        Action<NpgsqlDataReader> row,
        CancellationToken cancellationToken)
    {
        var batch = new QueryBatch(database);
        batch.Add(sql, bind, row);
        await batch.ExecuteAsync(cancellationToken);
    }
}
