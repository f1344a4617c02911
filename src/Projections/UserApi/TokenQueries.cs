using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.UserApi;

// HOT: asked for every request.

/// <summary>Owners of tokens, from the cache or from the table.</summary>
public sealed class TokenQueries(NpgsqlDataSource database, IProjectionSchemas schemas, TokenCache cache)
    : ITokenQueries
{
    public ValueTask<TokenOwner?> FindAsync(string tokenSha256, CancellationToken cancellationToken) =>
        cache.Find(tokenSha256) is { } owner
            ? ValueTask.FromResult<TokenOwner?>(owner)
            : ReadAsync(tokenSha256, cancellationToken);

    public void Forget(string tokenSha256) => cache.Remove(tokenSha256);

    public async ValueTask<UserId?> FindByRefreshAsync(string refreshSha256, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            SELECT user_id FROM {schemas.Live(UserApiProjection.ProjectionName)}.access_tokens
            WHERE refresh_sha256 = $1 OR previous_refresh_sha256 = $1
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = refreshSha256 });
        return await command.ExecuteScalarAsync(cancellationToken) is string user ? UserId.Parse(user) : null;
    }

    public async ValueTask<(UserId UserId, string DeviceId)?> FindByGrantAsync(
        string grantSha256, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            SELECT user_id, device_id FROM {schemas.Live(UserApiProjection.ProjectionName)}.access_tokens
            WHERE grant_sha256 = $1
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = grantSha256 });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (UserId.Parse(reader.GetString(0)), reader.GetString(1))
            : null;
    }

    private async ValueTask<TokenOwner?> ReadAsync(string tokenSha256, CancellationToken cancellationToken)
    {
        var slot = cache.Slot(tokenSha256);
        await using var command = database.CreateCommand(
            $"""
            SELECT user_id, device_id, is_guest, is_admin, expires_at_ms, is_locked, is_suspended,
                previous_refresh_sha256 IS NOT NULL, client_id
            FROM {schemas.Live(UserApiProjection.ProjectionName)}.access_tokens WHERE token_sha256 = $1
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tokenSha256 });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            return null;
        var owner = new TokenOwner(
            UserId.Parse(reader.GetString(0)),
            reader.GetString(1),
            reader.GetBoolean(2),
            reader.GetBoolean(3),
            reader.IsDBNull(4) ? null : reader.GetInt64(4))
        {
            IsLocked = reader.GetBoolean(5),
            IsSuspended = reader.GetBoolean(6),
            EndsRefreshToken = reader.GetBoolean(7),
            ClientId = reader.IsDBNull(8) ? null : reader.GetString(8),
        };
        cache.Add(tokenSha256, owner, slot);
        return owner;
    }
}
