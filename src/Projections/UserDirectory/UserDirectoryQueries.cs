using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.UserDirectory;

/// <summary>A user as the directory shows them.</summary>
public sealed record KnownUser(string UserId, string? DisplayName, string? AvatarUrl);

/// <summary>Finds users by their names.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3user_directorysearch. Requires: the caller went through the gate.
/// Cost: every name that is used anywhere is looked at.
/// </remarks>
public sealed class UserDirectoryQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    /// <summary>LIMIT: words of a term that are looked for. Ours: nobody's name has more.</summary>
    private const int WordsMax = 16;

    /// <summary>
    /// Those who share a room with the asker or are in an open one, and whose id or name there holds each word of the
    /// term. Whole names first, then beginnings.
    /// </summary>
    public async ValueTask<List<KnownUser>> FindAsync(
        string asker, string term, int limit, CancellationToken cancellationToken)
    {
        var found = new List<KnownUser>();
        var lower = term.ToLowerInvariant().Replace('\0', ' ').Trim();
        var words = lower.Split((char[]?)null, WordsMax, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return found;
        var directory = schemas.Live(UserDirectoryProjection.ProjectionName);
        var roomserver = schemas.Live(RoomserverProjection.ProjectionName);
        var batch = new QueryBatch(database);
        batch.Add(
            Sql(directory, roomserver),
            parameters =>
            {
                parameters.AddText(asker);
                parameters.AddTexts(Array.ConvertAll(words, word => $"%{Escape(word)}%"));
                parameters.AddText(Escape(lower.TrimStart('@')));
                parameters.AddInt(limit);
            },
            row => found.Add(new(row.GetString(0), TextOrNull(row, 1), TextOrNull(row, 2))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    private static string? TextOrNull(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetString(column);

    private static string Escape(string text) => text
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("%", "\\%", StringComparison.Ordinal)
        .Replace("_", "\\_", StringComparison.Ordinal);

    private static string Sql(string directory, string roomserver) =>
        $"""
        WITH rooms AS (
            SELECT m.room_id FROM {roomserver}.memberships m
            WHERE m.user_id = $1 AND m.membership = {(int)Membership.Join}
            UNION
            SELECT o.room_id FROM {directory}.open_state o
            JOIN {roomserver}.state s ON s.room_id = o.room_id AND s.type = o.type AND s.state_key = ''
                AND s.to_position = {RoomserverSchema.OpenEnd} AND s.event_id = o.event_id
        ),
        users AS (
            SELECT DISTINCT ON (n.user_id) n.user_id, n.display_name, n.avatar_url, n.name_lower,
                lower(n.user_id) AS id_lower
            FROM {directory}.names n
            JOIN rooms r ON r.room_id = n.room_id
            JOIN {roomserver}.state s ON s.room_id = n.room_id AND s.type = 'm.room.member' AND s.state_key = n.user_id
                AND s.to_position = {RoomserverSchema.OpenEnd} AND s.event_id = n.event_id
            WHERE n.user_id <> $1 AND (lower(n.user_id) || chr(10) || n.name_lower) LIKE ALL ($2)
            ORDER BY n.user_id, n.position DESC
        )
        SELECT u.user_id, u.display_name, u.avatar_url FROM users u
        ORDER BY
            CASE
                WHEN u.name_lower LIKE $3 OR u.id_lower LIKE '@' || $3 OR u.id_lower LIKE '@' || $3 || ':%' THEN 0
                WHEN u.name_lower LIKE $3 || '%' OR u.id_lower LIKE '@' || $3 || '%' THEN 1
                ELSE 2
            END,
            u.display_name IS NULL, u.user_id
        LIMIT $4
        """;
}
