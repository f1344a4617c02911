using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.MediaApi;

/// <summary>Which media there is, whose, and where its bytes are.</summary>
/// <remarks>
/// <code>
///   media   one row per piece: this server's own (origin is empty) and copies of other servers'
/// </code>
/// A row without sha256 has no content: it waits for its upload (expires_ms), was removed, or is quarantined before it
/// was ever here. Facts come one at a time and rarely, so each is a statement; a batch is one round trip.
/// </remarks>
public sealed class MediaProjection(MediaArrivals arrivals) : IProjection
{
    public const string ProjectionName = "mediaapi";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        FactNames.MediaCreated,
        FactNames.MediaUploaded,
        FactNames.RemoteMediaCached,
        FactNames.MediaRemoved,
        FactNames.MediaQuarantined);

    public string Ddl => """
        CREATE TABLE {schema}.media (
            origin text COLLATE "C" NOT NULL,
            media_id text COLLATE "C" NOT NULL,
            uploader text COLLATE "C",
            preview_of text COLLATE "C",
            sha256 text COLLATE "C",
            size_bytes bigint NOT NULL DEFAULT 0,
            content_type text NOT NULL DEFAULT '',
            file_name text,
            created_ms bigint NOT NULL,
            stored_ms bigint,
            expires_ms bigint,
            is_quarantined boolean NOT NULL DEFAULT false,
            PRIMARY KEY (origin, media_id)
        );
        CREATE INDEX media_uploader ON {schema}.media (uploader, created_ms, media_id) WHERE uploader IS NOT NULL;
        CREATE INDEX media_sha256 ON {schema}.media (sha256) WHERE sha256 IS NOT NULL;
        CREATE INDEX media_copies ON {schema}.media (stored_ms)
            WHERE sha256 IS NOT NULL AND (origin <> '' OR preview_of IS NOT NULL);
        CREATE INDEX media_preview_of ON {schema}.media USING hash (preview_of) WHERE preview_of IS NOT NULL;
        """;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        foreach (var (_, fact, metadata) in batch.Facts)
            Add(commands, batch.Schema, fact, metadata.ReceivedAtMs);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
        foreach (var record in batch.Facts)
        {
            switch (record.Fact)
            {
                case MediaUploaded uploaded:
                    arrivals.Announce(uploaded.MediaId);
                    break;
                case MediaQuarantined { Origin: null } changed:
                    arrivals.Announce(changed.MediaId);
                    break;
            }
        }
    }

    private static void Add(NpgsqlBatch commands, string schema, IFact fact, long atMs)
    {
        switch (fact)
        {
            case MediaCreated created:
                AddCreated(commands, schema, created, atMs);
                break;
            case MediaUploaded uploaded:
                AddContent(commands, schema, string.Empty, uploaded, atMs);
                break;
            case RemoteMediaCached cached:
                var content = new MediaUploaded(
                    cached.MediaId, cached.Sha256, cached.SizeBytes, cached.ContentType, cached.FileName);
                AddContent(commands, schema, cached.Origin.Value, content, atMs);
                break;
            case MediaRemoved removed:
                var parameters = commands.Add(
                    $"""
                    UPDATE {schema}.media SET sha256 = NULL, size_bytes = 0, stored_ms = NULL
                    WHERE origin = $1 AND media_id = $2
                    """);
                parameters.AddText(removed.Origin?.Value ?? string.Empty);
                parameters.AddText(removed.MediaId.Value);
                break;
            case MediaQuarantined changed:
                AddQuarantine(commands, schema, changed, atMs);
                break;
        }
    }

    private static void AddCreated(NpgsqlBatch commands, string schema, MediaCreated created, long atMs)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.media (origin, media_id, uploader, created_ms, expires_ms) VALUES ('', $1, $2, $3, $4)
            ON CONFLICT (origin, media_id) DO UPDATE SET uploader = EXCLUDED.uploader, expires_ms = EXCLUDED.expires_ms
            """);
        parameters.AddText(created.MediaId.Value);
        parameters.AddText(created.Uploader.Value);
        parameters.AddBigInt(atMs);
        parameters.AddBigInt(created.UnusedExpiresAtMs);
    }

    private static void AddContent(
        NpgsqlBatch commands, string schema, string origin, MediaUploaded content, long atMs)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.media AS m (
                origin, media_id, uploader, preview_of, sha256, size_bytes, content_type, file_name, created_ms,
                stored_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            ON CONFLICT (origin, media_id) DO UPDATE SET
                uploader = EXCLUDED.uploader, preview_of = EXCLUDED.preview_of, sha256 = EXCLUDED.sha256,
                size_bytes = EXCLUDED.size_bytes, content_type = EXCLUDED.content_type,
                file_name = EXCLUDED.file_name, stored_ms = EXCLUDED.stored_ms, expires_ms = NULL
            """);
        parameters.AddText(origin);
        parameters.AddText(content.MediaId.Value);
        parameters.AddText(content.Uploader?.Value);
        parameters.AddText(content.PreviewOf);
        parameters.AddText(content.Sha256);
        parameters.AddBigInt(content.SizeBytes);
        parameters.AddText(content.ContentType);
        parameters.AddText(content.FileName);
        parameters.AddBigInt(atMs);
    }

    private static void AddQuarantine(NpgsqlBatch commands, string schema, MediaQuarantined changed, long atMs)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.media (origin, media_id, created_ms, is_quarantined) VALUES ($1, $2, $3, $4)
            ON CONFLICT (origin, media_id) DO UPDATE SET is_quarantined = EXCLUDED.is_quarantined
            """);
        parameters.AddText(changed.Origin?.Value ?? string.Empty);
        parameters.AddText(changed.MediaId.Value);
        parameters.AddBigInt(atMs);
        parameters.AddBoolean(changed.IsQuarantined);
    }
}
