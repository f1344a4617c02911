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
            is_locked boolean NOT NULL,
            is_suspended boolean NOT NULL,
            expires_at_ms bigint,
            refresh_sha256 text COLLATE "C",
            previous_refresh_sha256 text COLLATE "C",
            client_id text COLLATE "C",
            grant_sha256 text COLLATE "C"
        );
        CREATE INDEX access_tokens_by_user ON {schema}.access_tokens (user_id);
        CREATE INDEX access_tokens_by_refresh ON {schema}.access_tokens (refresh_sha256)
            WHERE refresh_sha256 IS NOT NULL;
        CREATE INDEX access_tokens_by_previous_refresh ON {schema}.access_tokens (previous_refresh_sha256)
            WHERE previous_refresh_sha256 IS NOT NULL;
        CREATE INDEX access_tokens_by_grant ON {schema}.access_tokens (grant_sha256)
            WHERE grant_sha256 IS NOT NULL;
        """;

    /// <summary>
    /// Makes each user's rows those of the last credentials; answers the tokens of which nothing known before is true.
    /// </summary>
    public static async ValueTask<IReadOnlyList<string>> WriteAsync(
        ProjectionBatch batch, UserBatch changes, CancellationToken cancellationToken)
    {
        var changed = new List<string>();
        if (changes.Credentials.Count > 0)
            await WriteCredentialsAsync(batch, changes, changed, cancellationToken);
        // After the rows are there: what is said of the account holds for all of its tokens.
        foreach (var userId in changes.Moderated)
        {
            if (changes.FindAccount(userId) is { } account)
                await ModerateAsync(batch, account, changed, cancellationToken);
        }
        return changed;
    }

    private static async ValueTask WriteCredentialsAsync(
        ProjectionBatch batch, UserBatch changes, List<string> changed, CancellationToken cancellationToken)
    {
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
                rows.Locked.Add(account?.IsLocked ?? false);
                rows.Suspended.Add(account?.IsSuspended ?? false);
                rows.Expiries.Add(token.ExpiresAtMs);
                rows.Refreshes.Add(token.RefreshSha256);
                rows.PreviousRefreshes.Add(token.PreviousRefreshSha256);
                rows.Clients.Add(token.ClientId);
                rows.Grants.Add(token.GrantSha256);
            }
        }
        await DeleteOthersAsync(batch, [.. changes.Credentials.Keys], rows, changed, cancellationToken);
        await UpsertAsync(batch, rows, changed, cancellationToken);
    }

    private static async ValueTask ModerateAsync(
        ProjectionBatch batch, AccountDocument account, List<string> changed, CancellationToken cancellationToken)
    {
        await using var update = new NpgsqlCommand(
            $"""
            UPDATE {batch.Schema}.access_tokens SET is_locked = $2, is_suspended = $3
            WHERE user_id = $1 RETURNING token_sha256
            """,
            batch.Connection,
            batch.Transaction);
        update.Parameters.Add(new NpgsqlParameter { Value = account.Id });
        update.Parameters.Add(new NpgsqlParameter { Value = account.IsLocked });
        update.Parameters.Add(new NpgsqlParameter { Value = account.IsSuspended });
        await ReadTokensAsync(update, changed, cancellationToken);
    }

    private static async ValueTask DeleteOthersAsync(
        ProjectionBatch batch,
        string[] users,
        Rows rows,
        List<string> changed,
        CancellationToken cancellationToken)
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
        await ReadTokensAsync(delete, changed, cancellationToken);
    }

    private static async ValueTask ReadTokensAsync(
        NpgsqlCommand command, List<string> tokens, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            tokens.Add(reader.GetString(0));
    }

    /// <summary>A token that is known can only lose the refresh token that it came from.</summary>
    private static async ValueTask UpsertAsync(
        ProjectionBatch batch, Rows rows, List<string> changed, CancellationToken cancellationToken)
    {
        if (rows.Tokens.Count == 0)
            return;
        await using var insert = new NpgsqlCommand(
            $"""
            INSERT INTO {batch.Schema}.access_tokens AS known (
                token_sha256, user_id, device_id, is_guest, is_admin, is_locked, is_suspended, expires_at_ms,
                refresh_sha256, previous_refresh_sha256, client_id, grant_sha256)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (token_sha256) DO UPDATE SET previous_refresh_sha256 = EXCLUDED.previous_refresh_sha256
            WHERE known.previous_refresh_sha256 IS DISTINCT FROM EXCLUDED.previous_refresh_sha256
            RETURNING token_sha256
            """,
            batch.Connection,
            batch.Transaction);
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Tokens.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Users.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Devices.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Guests.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Admins.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Locked.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Suspended.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter { Value = rows.Expiries.ToArray() });
        insert.Parameters.Add(new NpgsqlParameter<string?[]> { TypedValue = [.. rows.Refreshes] });
        insert.Parameters.Add(new NpgsqlParameter<string?[]> { TypedValue = [.. rows.PreviousRefreshes] });
        insert.Parameters.Add(new NpgsqlParameter<string?[]> { TypedValue = [.. rows.Clients] });
        insert.Parameters.Add(new NpgsqlParameter<string?[]> { TypedValue = [.. rows.Grants] });
        await ReadTokensAsync(insert, changed, cancellationToken);
    }

    private sealed class Rows
    {
        public List<string> Tokens { get; } = [];

        public List<string> Users { get; } = [];

        public List<string> Devices { get; } = [];

        public List<bool> Guests { get; } = [];

        public List<bool> Admins { get; } = [];

        public List<bool> Locked { get; } = [];

        public List<bool> Suspended { get; } = [];

        public List<long?> Expiries { get; } = [];

        public List<string?> Refreshes { get; } = [];

        public List<string?> PreviousRefreshes { get; } = [];

        public List<string?> Clients { get; } = [];

        public List<string?> Grants { get; } = [];
    }
}
