using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.MediaApi;

/// <summary>What one user has uploaded. Units: Bytes, of what is there.</summary>
public sealed record UploaderTotal(string UserId, long Count, long Bytes);

/// <summary>Reads which media there is.</summary>
/// <remarks>Requires: the caller waited for <see cref="MediaProjection.Gate"/>.</remarks>
public sealed class MediaQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Table => schemas.Live(MediaProjection.ProjectionName) + ".media";

    /// <param name="origin">Null for this server.</param>
    /// <param name="mediaId">The id.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public async ValueTask<MediaRow?> FindAsync(
        ServerName? origin, MediaId mediaId, CancellationToken cancellationToken)
    {
        MediaRow? found = null;
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT {MediaRow.Columns} FROM {Table} WHERE origin = $1 AND media_id = $2",
            parameters =>
            {
                parameters.AddText(origin?.Value ?? string.Empty);
                parameters.AddText(mediaId.Value);
            },
            row => found = MediaRow.Read(row));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>How many ids wait for their upload, and how many bytes are there.</summary>
    public async ValueTask<(int Pending, long Bytes)> UsageAsync(
        UserId userId, long nowMs, CancellationToken cancellationToken)
    {
        (int Pending, long Bytes) usage = default;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT count(*) FILTER (WHERE expires_ms > $2), coalesce(sum(size_bytes), 0)::bigint
            FROM {Table} WHERE uploader = $1
            """,
            parameters =>
            {
                parameters.AddText(userId.Value);
                parameters.AddBigInt(nowMs);
            },
            row => usage = ((int)row.GetInt64(0), row.GetInt64(1)));
        await batch.ExecuteAsync(cancellationToken);
        return usage;
    }

    /// <summary>A user's media that is there, the newest first.</summary>
    public async ValueTask<IReadOnlyList<MediaRow>> OfUserAsync(
        UserId userId, int limit, CancellationToken cancellationToken) =>
        await RowsAsync(
            "WHERE uploader = $1 AND sha256 IS NOT NULL ORDER BY created_ms DESC, media_id DESC LIMIT $2",
            parameters =>
            {
                parameters.AddText(userId.Value);
                parameters.AddInt(limit);
            },
            cancellationToken);

    /// <summary>Copies that were stored before a time, the oldest first: other servers' media, or images of
    /// previews.</summary>
    /// <param name="ofPreviews">Which of the two.</param>
    /// <param name="storedBeforeMs">Unix milliseconds.</param>
    /// <param name="after">The last of those that were looked at; null for the first page.</param>
    /// <param name="limit">How many.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public async ValueTask<IReadOnlyList<MediaRow>> CopiesAsync(
        bool ofPreviews, long storedBeforeMs, MediaRow? after, int limit, CancellationToken cancellationToken) =>
        await RowsAsync(
            """
            WHERE sha256 IS NOT NULL AND (origin <> '' OR preview_of IS NOT NULL)
                AND (preview_of IS NOT NULL) = $1 AND stored_ms < $2
                AND (stored_ms, origin, media_id) > ($3, $4, $5)
            ORDER BY stored_ms, origin, media_id LIMIT $6
            """,
            parameters =>
            {
                parameters.AddBoolean(ofPreviews);
                parameters.AddBigInt(storedBeforeMs);
                parameters.AddBigInt(after?.StoredMs ?? long.MinValue);
                parameters.AddText(after?.Origin?.Value ?? string.Empty);
                parameters.AddText(after?.MediaId.Value ?? string.Empty);
                parameters.AddInt(limit);
            },
            cancellationToken);

    /// <summary>How many bytes the copies of other servers' media have.</summary>
    public async ValueTask<long> RemoteBytesAsync(CancellationToken cancellationToken)
    {
        var bytes = 0L;
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT coalesce(sum(size_bytes), 0)::bigint FROM {Table} WHERE sha256 IS NOT NULL AND origin <> ''",
            static _ => { },
            row => bytes = row.GetInt64(0));
        await batch.ExecuteAsync(cancellationToken);
        return bytes;
    }

    /// <summary>A copy of an image of a preview that is there with the same bytes; null for none.</summary>
    public async ValueTask<MediaRow?> FindPreviewImageAsync(
        string address, string sha256, CancellationToken cancellationToken)
    {
        var found = await RowsAsync(
            "WHERE preview_of = $1 AND sha256 = $2 AND NOT is_quarantined ORDER BY created_ms DESC LIMIT 1",
            parameters =>
            {
                parameters.AddText(address);
                parameters.AddText(sha256);
            },
            cancellationToken);
        return found.Count > 0 ? found[0] : null;
    }

    /// <summary>Which of these blobs some media names.</summary>
    public async ValueTask<IReadOnlySet<string>> NamedAsync(string[] sha256s, CancellationToken cancellationToken)
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT DISTINCT sha256 FROM {Table} WHERE sha256 = ANY ($1)",
            parameters => parameters.AddTexts(sha256s),
            row => named.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return named;
    }

    /// <summary>Who has uploaded most, in that order; without a user, copies of other servers' media count together.
    /// </summary>
    public async ValueTask<IReadOnlyList<UploaderTotal>> TotalsAsync(int limit, CancellationToken cancellationToken)
    {
        var totals = new List<UploaderTotal>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT coalesce(uploader, CASE WHEN origin <> '' THEN '' ELSE 'previews' END) AS who,
                count(*), sum(size_bytes)::bigint
            FROM {Table} WHERE sha256 IS NOT NULL GROUP BY who ORDER BY 3 DESC, 1 LIMIT $1
            """,
            parameters => parameters.AddInt(limit),
            row => totals.Add(new UploaderTotal(row.GetString(0), row.GetInt64(1), row.GetInt64(2))));
        await batch.ExecuteAsync(cancellationToken);
        return totals;
    }

    private async ValueTask<List<MediaRow>> RowsAsync(
        string where, Action<NpgsqlParameterCollection> bind, CancellationToken cancellationToken)
    {
        var rows = new List<MediaRow>();
        var batch = new QueryBatch(database);
        batch.Add($"SELECT {MediaRow.Columns} FROM {Table} {where}", bind, row => rows.Add(MediaRow.Read(row)));
        await batch.ExecuteAsync(cancellationToken);
        return rows;
    }
}
