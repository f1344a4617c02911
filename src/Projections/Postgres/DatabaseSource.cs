using Npgsql;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>The connections of this server to its database, the private one or another.</summary>
public static class DatabaseSource
{
    /// <summary>Every question of ours has its index. A plan that reads a whole table is chosen only where
    /// PostgreSQL believes the table small, and a prepared statement keeps that plan while the table grows. Compiling
    /// a plan takes longer than our plans run.</summary>
    private const string Settings = "-c enable_seqscan=off -c jit=off";

    /// <summary>Opens nothing yet. What the connection string says of <c>Options</c> is kept and wins.</summary>
    public static NpgsqlDataSource Create(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString);
        builder.Options = string.IsNullOrWhiteSpace(builder.Options) ? Settings : $"{Settings} {builder.Options}";
        return NpgsqlDataSource.Create(builder);
    }
}
