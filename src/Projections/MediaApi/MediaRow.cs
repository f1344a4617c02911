using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.MediaApi;

/// <summary>A piece of media as the tables have it.</summary>
/// <remarks>Shape: Origin is null for this server. Sha256 is null where there is no content. Units: CreatedMs,
/// StoredMs, ExpiresMs, Unix milliseconds; ExpiresMs while its upload is waited for.</remarks>
public sealed record MediaRow(
    ServerName? Origin,
    MediaId MediaId,
    string? Uploader,
    string? PreviewOf,
    string? Sha256,
    long SizeBytes,
    string ContentType,
    string? FileName,
    long CreatedMs,
    long? StoredMs,
    long? ExpiresMs,
    bool IsQuarantined)
{
    internal const string Columns =
        "origin, media_id, uploader, preview_of, sha256, size_bytes, content_type, file_name, created_ms, stored_ms, "
        + "expires_ms, is_quarantined";

    internal static MediaRow Read(NpgsqlDataReader row) => new(
        row.GetString(0) is { Length: > 0 } origin ? ServerName.Parse(origin) : null,
        MediaId.Parse(row.GetString(1)),
        Text(row, 2),
        Text(row, 3),
        Text(row, 4),
        row.GetInt64(5),
        row.GetString(6),
        Text(row, 7),
        row.GetInt64(8),
        Number(row, 9),
        Number(row, 10),
        row.GetBoolean(11));

    private static string? Text(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetString(column);

    private static long? Number(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetInt64(column);
}
