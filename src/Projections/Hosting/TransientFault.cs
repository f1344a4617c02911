using System.Net.Sockets;
using Matrix.EventSourced.EventStore;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Tells a world that is away for a moment from a fact that cannot be applied.</summary>
internal static class TransientFault
{
    /// <summary>Whether the same work may succeed later, without anybody changing code or data.</summary>
    public static bool Is(Exception exception)
    {
        // Marten wraps what Npgsql throws, and Npgsql wraps what the socket throws: the cause may be anywhere in the
        // chain.
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case PostgresException postgres:
                    return IsTransientState(postgres.SqlState);
                case NpgsqlException or EventStoreException or IOException or SocketException or TimeoutException:
                    return true;
            }
        }
        return false;
    }

    // Connection lost, resources short, shutdown or start-up under way, deadlock or serialisation, statement cancelled
    // by an administrator.
    private static bool IsTransientState(string sqlState) =>
        sqlState.StartsWith("08", StringComparison.Ordinal)
        || sqlState.StartsWith("53", StringComparison.Ordinal)
        || sqlState is "57P01" or "57P02" or "57P03" or "57014" or "40001" or "40P01" or "55P03" or "25P03";
}
