using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Relations;

/// <summary>Reads the bundled aggregations of any number of events.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #aggregations-of-child-events. State events get none, and annotations are not
/// aggregated.
/// Cost: one round trip for events without children; with them one more for the aggregations, one for the events that
/// they show, and the same again for what a thread's latest event shows.
/// Requires: the caller went through the gate of this projection and the Roomserver's.
/// </remarks>
public sealed class RelationBundles(NpgsqlDataSource database, IProjectionSchemas schemas, RoomReader reader)
{
    /// <summary>LIMIT: references that are bundled with one event. Ours: the others are found by
    /// GET /relations.</summary>
    private const int ReferencesMax = 100;

    private string Schema => schemas.Live(RelationsProjection.ProjectionName);

    /// <summary>Those of the events that anything relates to, whoever may see it.</summary>
    public async ValueTask<List<StoredEvent>> FindParentsAsync(
        IEnumerable<StoredEvent> events, CancellationToken cancellationToken)
    {
        var candidates = events.Where(stored => stored.StateKey is null).DistinctBy(stored => stored.EventId).ToList();
        if (candidates.Count == 0)
            return candidates;
        var parents = new HashSet<string>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT DISTINCT r.relates_to FROM {Schema}.relations r WHERE r.relates_to = ANY ($1)",
            parameters => parameters.AddTexts([.. candidates.Select(stored => stored.EventId)]),
            row => parents.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        candidates.RemoveAll(stored => !parents.Contains(stored.EventId));
        return candidates;
    }

    /// <summary>The aggregations by event id; events without any are not there.</summary>
    public ValueTask<Dictionary<string, EventBundle>> ReadAsync(
        IReadOnlyList<StoredEvent> parents, RelationReader audience, CancellationToken cancellationToken) =>
        ReadAsync(parents, audience, withThreads: true, cancellationToken);

    private async ValueTask<Dictionary<string, EventBundle>> ReadAsync(
        IReadOnlyList<StoredEvent> parents,
        RelationReader audience,
        bool withThreads,
        CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, EventBundle>();
        if (parents.Count == 0)
            return found;
        var batch = new QueryBatch(database);
        var edits = AddEdits(batch, [.. parents.Where(parent => parent.RedactedBy is null)], audience);
        var references = AddReferences(batch, parents, audience);
        var threads = withThreads ? AddThreads(batch, parents, audience) : [];
        await batch.ExecuteAsync(cancellationToken);

        var shown = await ReadEventsAsync(
            [.. edits.Values, .. threads.Values.Select(thread => thread.LatestId)], cancellationToken);
        var latest = threads.Values.Where(thread => shown.ContainsKey(thread.LatestId))
            .Select(thread => shown[thread.LatestId]).ToList();
        // A thread's events are relations themselves and so no roots: this ends after one step.
        var nested = await ReadAsync(latest, audience, withThreads: false, cancellationToken);
        foreach (var parent in parents)
        {
            var bundle = new EventBundle(
                edits.TryGetValue(parent.EventId, out var edit) ? shown.GetValueOrDefault(edit) : null,
                ThreadOf(parent, threads, shown, nested, audience),
                references.GetValueOrDefault(parent.EventId) ?? []);
            if (!bundle.IsEmpty)
                found[parent.EventId] = bundle;
        }
        return found;
    }

    private static ThreadSummary? ThreadOf(
        StoredEvent root,
        Dictionary<string, ThreadRow> threads,
        Dictionary<string, StoredEvent> shown,
        Dictionary<string, EventBundle> nested,
        RelationReader audience)
    {
        if (!threads.TryGetValue(root.EventId, out var row) || !shown.TryGetValue(row.LatestId, out var latest))
            return null;
        return new(
            latest,
            nested.GetValueOrDefault(row.LatestId),
            row.Count,
            row.HasReplied || root.Sender == audience.UserId);
    }

    /// <summary>The newest valid edit of each event. Spec: client-server-api #validity-of-replacement-events.</summary>
    private Dictionary<string, string> AddEdits(
        QueryBatch batch, IReadOnlyList<StoredEvent> parents, RelationReader audience)
    {
        var edits = new Dictionary<string, string>();
        if (parents.Count == 0)
            return edits;
        batch.Add(
            $"""
            SELECT w.event_id, edit.event_id
            FROM unnest($1, $2, $3, $4) AS w (event_id, room_id, type, sender)
            CROSS JOIN LATERAL (
                SELECT r.event_id FROM {Schema}.relations r
                WHERE r.relates_to = w.event_id AND r.rel_type = '{Relation.Replace}' AND r.room_id = w.room_id
                    AND r.type = w.type AND r.sender = w.sender AND r.has_new_content AND NOT r.is_state
                    AND {RelationsSchema.IsShown("r")} AND {VisibleStretches.Condition("r", 5)}
                ORDER BY r.origin_server_ts DESC, r.event_id DESC LIMIT 1
            ) edit
            WHERE NOT EXISTS (SELECT FROM {Schema}.relations o
                WHERE o.event_id = w.event_id AND o.rel_type = '{Relation.Replace}' AND NOT o.is_redacted)
            """,
            parameters =>
            {
                AddParents(parameters, parents);
                parameters.AddTexts([.. parents.Select(parent => parent.Type)]);
                parameters.AddTexts([.. parents.Select(parent => parent.Sender)]);
                audience.Visible.AddTo(parameters);
            },
            row => edits[row.GetString(0)] = row.GetString(1));
        return edits;
    }

    private Dictionary<string, List<string>> AddReferences(
        QueryBatch batch, IReadOnlyList<StoredEvent> parents, RelationReader audience)
    {
        var references = new Dictionary<string, List<string>>();
        batch.Add(
            $"""
            SELECT w.event_id, child.event_id
            FROM unnest($1, $2) AS w (event_id, room_id)
            CROSS JOIN LATERAL (
                SELECT r.event_id, r.position FROM {Schema}.relations r
                WHERE r.relates_to = w.event_id AND r.rel_type = '{Relation.Reference}' AND r.room_id = w.room_id
                    AND r.sender <> ALL ($3)
                    AND {RelationsSchema.IsShown("r")} AND {VisibleStretches.Condition("r", 4)}
                ORDER BY r.position LIMIT {ReferencesMax}
            ) child
            ORDER BY w.event_id, child.position
            """,
            parameters =>
            {
                AddParents(parameters, parents);
                parameters.AddTexts([.. audience.Ignored]);
                audience.Visible.AddTo(parameters);
            },
            row =>
            {
                if (!references.TryGetValue(row.GetString(0), out var children))
                    references[row.GetString(0)] = children = [];
                children.Add(row.GetString(1));
            });
        return references;
    }

    private Dictionary<string, ThreadRow> AddThreads(
        QueryBatch batch, IReadOnlyList<StoredEvent> parents, RelationReader audience)
    {
        var threads = new Dictionary<string, ThreadRow>();
        var condition =
            $"""
            r.relates_to = w.event_id AND r.rel_type = '{Relation.Thread}' AND r.room_id = w.room_id
                AND r.sender <> ALL ($3)
                AND {RelationsSchema.IsShown("r")} AND {VisibleStretches.Condition("r", 5)}
            """;
        batch.Add(
            $"""
            SELECT w.event_id, counted.children, counted.has_replied, latest.event_id
            FROM unnest($1, $2) AS w (event_id, room_id)
            CROSS JOIN LATERAL (
                SELECT count(*) AS children, bool_or(r.sender = $4) AS has_replied
                FROM {Schema}.relations r WHERE {condition}
            ) counted
            CROSS JOIN LATERAL (
                SELECT r.event_id FROM {Schema}.relations r WHERE {condition} ORDER BY r.position DESC LIMIT 1
            ) latest
            WHERE NOT EXISTS (SELECT FROM {Schema}.relations o WHERE o.event_id = w.event_id AND NOT o.is_redacted)
            """,
            parameters =>
            {
                AddParents(parameters, parents);
                parameters.AddTexts([.. audience.Ignored]);
                parameters.AddText(audience.UserId);
                audience.Visible.AddTo(parameters);
            },
            row => threads[row.GetString(0)] = new(row.GetInt64(1), row.GetBoolean(2), row.GetString(3)));
        return threads;
    }

    private async ValueTask<Dictionary<string, StoredEvent>> ReadEventsAsync(
        IReadOnlyCollection<string> eventIds, CancellationToken cancellationToken)
    {
        var batch = reader.Begin();
        var events = batch.AcceptedEvents(eventIds);
        await batch.ExecuteAsync(cancellationToken);
        return events.ToDictionary(stored => stored.EventId);
    }

    private static void AddParents(NpgsqlParameterCollection parameters, IReadOnlyList<StoredEvent> parents)
    {
        parameters.AddTexts([.. parents.Select(parent => parent.EventId)]);
        parameters.AddTexts([.. parents.Select(parent => parent.RoomId)]);
    }

    private sealed record ThreadRow(long Count, bool HasReplied, string LatestId);
}
