using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>The table of access tokens: what it is, and how a batch of credentials changes it.</summary>
internal static class AccessTokenTable
{
    public const string Ddl =
        """
        CREATE TABLE {schema}.access_tokens (
            token_sha256 text COLLATE "C" PRIMARY KEY,
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            is_guest boolean NOT NULL,
            is_admin boolean NOT NULL,
            expires_at_ms bigint
        );
        CREATE INDEX access_tokens_by_user ON {schema}.access_tokens (user_id);
        """;

    /// <summary>Makes each user's rows those of the last credentials; answers the tokens that ended.</summary>
    public static async ValueTask<IReadOnlyList<string>> WriteAsync(
        ProjectionBatch batch, UserBatch changes, CancellationToken cancellationToken)
    {
        if (changes.Credentials.Count == 0)
            return [];
        var rows = new Rows();
        foreach (var (userId, credentials) in changes.Credentials)
        {
            var account = changes.FindAccount(userId);
            foreach (var token in credentials.AccessTokens.IsDefault ? [] : credentials.AccessTokens)
            {
                rows.Tokens.Add(token.TokenSha256);
                rows.Users.Add(userId);
                rows.Devices.Add(token.DeviceId);
                rows.Guests.Add(account?.IsGuest ?? false);
                rows.Admins.Add(account?.IsAdmin ?? false);
                rows.Expiries.Add(token.ExpiresAtMs);
            }
        }
        var ended = await DeleteOthersAsync(batch, [.. changes.Credentials.Keys], rows, cancellationToken);
        await InsertAsync(batch, rows, cancellationToken);
        return ended;
    }

    private static async ValueTask<IReadOnlyList<string>> DeleteOthersAsync(
        ProjectionBatch batch, string[] users, Rows rows, CancellationToken cancellationToken)
    {
        await using var delete = new NpgsqlCommand(
            $"""
            DELETE FROM {batch.Schema}.access_tokens
            WHERE user_id = ANY($1) AND NOT token_sha256 = ANY($2) RETURNING token_sha256
            """,
            batch.Connection,
            batch.Transaction);
        delete.Parameters.Add(new NpgsqlParameter { Value = users });
        delete.Parameters.Add(new NpgsqlParameter { Value = rows.Tokens.ToArray() });
        var ended = new List<string>();
        await using var reader = await delete.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            ended.Add(reader.GetString(0));
        return ended;
    }

    private static async ValueTask InsertAsync(ProjectionBatch batch, Rows rows, CancellationToken cancellationToken)
    {
        if (rows.Tokens.Count == 0)
            return;
        await using var insert = new NpgsqlCommand(
            $"""
            INSERT INTO {batch.Schema}.access_tokens (
                token_sha256, user_id, device_id, is_guest, is_admin, expires_at_ms)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
            ON CONFLICT (token_sha256) DO NOTHING
            """,
            batch.Connection,
            batch.Transaction);
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Tokens.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Users.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Devices.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Guests.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Admins.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Expiries.ToArray() });
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed class Rows
    {
        public List<string> Tokens { get; } = [];

        public List<string> Users { get; } = [];

        public List<string> Devices { get; } = [];

        public List<bool> Guests { get; } = [];

        public List<bool> Admins { get; } = [];

        public List<long?> Expiries { get; } = [];
    }
}
