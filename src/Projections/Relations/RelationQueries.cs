using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Relations;

/// <inheritdoc cref="IRelationQueries"/>
public sealed class RelationQueries(NpgsqlDataSource database, IProjectionGate gate, IProjectionSchemas schemas)
    : IRelationQueries, ISentRelations
{
    /// <summary>The projection to wait for.</summary>
    public static readonly string[] Gate = [RelationsProjection.ProjectionName];

    private string Schema => schemas.Live(RelationsProjection.ProjectionName);

    public async ValueTask<List<PlacedEvent>> ChildrenAsync(
        ChildrenQuestion question, CancellationToken cancellationToken)
    {
        var found = new List<PlacedEvent>();
        var batch = new QueryBatch(database);
        batch.Add(
            ChildrenSql(question),
            parameters =>
            {
                parameters.AddText(question.ParentId);
                parameters.AddText(question.RoomId);
                parameters.AddText(question.RelType);
                parameters.AddText(question.EventType);
                parameters.AddTexts([.. question.Reader.Ignored]);
                parameters.AddBigInt(question.After);
                parameters.AddBigInt(question.UpTo);
                parameters.AddInt(question.Limit);
                question.Reader.Visible.AddTo(parameters);
                if (question.Depth > 1)
                    parameters.AddInt(question.Depth);
            },
            row => found.Add(new(row.GetString(0), row.GetInt64(1))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    private string ChildrenSql(ChildrenQuestion question)
    {
        var order = question.IsBackwards ? "DESC" : "ASC";
        var condition =
            $"""
            r.room_id = $2 AND r.event_id <> $1 AND ($3::text IS NULL OR r.rel_type = $3)
                AND ($4::text IS NULL OR r.type = $4) AND (r.is_state OR r.sender <> ALL ($5))
                AND {RelationsSchema.IsShown("r")} AND {VisibleStretches.Condition("r", 9)}
            """;
        // Without steps the index gives a page at once, however many children there are.
        return question.Depth == 1
            ? $"""
              SELECT r.event_id, r.position FROM {Schema}.relations r
              WHERE r.relates_to = $1 AND r.position > $6 AND r.position <= $7 AND {condition}
              ORDER BY r.position {order} LIMIT $8
              """
            : $"""
              WITH RECURSIVE found (event_id, position, depth) AS (
                  SELECT r.event_id, r.position, 1 FROM {Schema}.relations r
                  WHERE r.relates_to = $1 AND {condition}
                  UNION
                  SELECT r.event_id, r.position, f.depth + 1 FROM found f
                  JOIN {Schema}.relations r ON r.relates_to = f.event_id AND {condition}
                  WHERE f.depth < $12
              )
              SELECT DISTINCT f.event_id, f.position FROM found f
              WHERE f.position > $6 AND f.position <= $7
              ORDER BY f.position {order} LIMIT $8
              """;
    }

    public async ValueTask<List<PlacedEvent>> ThreadRootsAsync(
        ThreadsQuestion question, CancellationToken cancellationToken)
    {
        var roomserver = schemas.Live(RoomserverProjection.ProjectionName);
        var found = new List<PlacedEvent>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT t.relates_to, t.latest FROM (
                SELECT r.relates_to, max(r.position) AS latest, bool_or(r.sender = $2) AS has_replied
                FROM {Schema}.relations r
                WHERE r.room_id = $1 AND r.rel_type = '{Relation.Thread}' AND r.sender <> ALL ($3)
                    AND {RelationsSchema.IsShown("r")} AND {VisibleStretches.Condition("r", 7)}
                GROUP BY r.relates_to HAVING max(r.position) <= $4
            ) t
            JOIN {roomserver}.pdus p ON p.event_id = t.relates_to AND p.room_id = $1 AND p.disposition IN (0, 4)
                AND {VisibleStretches.Condition("p", 7)}
            WHERE NOT EXISTS (SELECT FROM {Schema}.relations o WHERE o.event_id = t.relates_to AND NOT o.is_redacted)
                AND ($5 = false OR t.has_replied OR p.sender = $2)
            ORDER BY t.latest DESC LIMIT $6
            """,
            parameters =>
            {
                parameters.AddText(question.RoomId);
                parameters.AddText(question.Reader.UserId);
                parameters.AddTexts([.. question.Reader.Ignored]);
                parameters.AddBigInt(question.UpTo);
                parameters.AddBoolean(question.IsParticipated);
                parameters.AddInt(question.Limit);
                question.Reader.Visible.AddTo(parameters);
            },
            row => found.Add(new(row.GetString(0), row.GetInt64(1))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    public async ValueTask<HashSet<string>> RelatedByAsync(
        IReadOnlyCollection<string> eventIds,
        IReadOnlyCollection<string>? senders,
        IReadOnlyCollection<string>? relTypes,
        VisibleStretches visible,
        CancellationToken cancellationToken)
    {
        var found = new HashSet<string>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT DISTINCT r.relates_to FROM {Schema}.relations r
            WHERE r.relates_to = ANY ($1) AND ($2::text[] IS NULL OR r.sender = ANY ($2))
                AND ($3::text[] IS NULL OR r.rel_type = ANY ($3))
                AND {RelationsSchema.IsShown("r")} AND {VisibleStretches.Condition("r", 4)}
            """,
            parameters =>
            {
                parameters.AddTexts([.. eventIds]);
                parameters.AddTexts(senders is null ? null : [.. senders]);
                parameters.AddTexts(relTypes is null ? null : [.. relTypes]);
                visible.AddTo(parameters);
            },
            row => found.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    public ValueTask<bool> HasAnnotationAsync(
        string roomId, string sender, string eventType, Relation annotation, CancellationToken cancellationToken) =>
        ExistsAsync(
            $"""
            SELECT true FROM {Schema}.relations r
            WHERE r.relates_to = $1 AND r.rel_type = '{Relation.Annotation}' AND r.room_id = $2 AND r.sender = $3
                AND r.type = $4 AND r.key_sha256 = $5 AND {RelationsSchema.IsShown("r")} LIMIT 1
            """,
            parameters =>
            {
                parameters.AddText(annotation.EventId);
                parameters.AddText(roomId);
                parameters.AddText(sender);
                parameters.AddText(eventType);
                parameters.Add(new()
                {
                    Value = (object?)annotation.KeySha256 ?? DBNull.Value,
                    NpgsqlDbType = NpgsqlDbType.Bytea,
                });
            },
            cancellationToken);

    public ValueTask<bool> IsRelationAsync(string eventId, CancellationToken cancellationToken) => ExistsAsync(
        $"SELECT true FROM {Schema}.relations r WHERE r.event_id = $1 AND {RelationsSchema.IsShown("r")}",
        parameters => parameters.AddText(eventId),
        cancellationToken);

    private async ValueTask<bool> ExistsAsync(
        string sql, Action<NpgsqlParameterCollection> bind, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(Gate, cancellationToken);
        var exists = false;
        var batch = new QueryBatch(database);
        batch.Add(sql, bind, _ => exists = true);
        await batch.ExecuteAsync(cancellationToken);
        return exists;
    }
}
