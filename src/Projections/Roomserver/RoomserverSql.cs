namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The writing statements of the projection for one schema. Made once per schema, so that each connection
/// prepares them once.</summary>
internal sealed class RoomserverSql(string schema)
{
    private const string PduColumns =
        """
        event_id, room_id, position, anchor, depth, origin_server_ts, disposition, has_url, txn_key, room_version, type,
            sender, state_before, redacted_by, device_id, txn_scope, txn_id, json, visibility
        """;

    // An outlier that becomes accepted takes its place on the timeline then; what is on the timeline never moves.
    private const string OnPduConflict =
        """
        ON CONFLICT (event_id) DO UPDATE SET
            position = CASE WHEN pdus.disposition = 0 THEN pdus.position ELSE excluded.position END,
            anchor = CASE WHEN pdus.disposition = 0 THEN pdus.anchor ELSE excluded.anchor END,
            disposition = excluded.disposition,
            json = CASE WHEN excluded.redacted_by IS NULL OR pdus.redacted_by IS NOT NULL
                THEN pdus.json ELSE excluded.json END,
            redacted_by = coalesce(pdus.redacted_by, excluded.redacted_by),
            has_url = pdus.has_url AND excluded.has_url,
            visibility = excluded.visibility,
            state_before = excluded.state_before
        """;

    public string Schema => schema;

    public string InsertStatePdus { get; } =
        $"""
        INSERT INTO {schema}.pdus AS pdus ({PduColumns}, state_key, membership, replaces, stripped_state)
        SELECT u.event_id, u.room_id, u.position, u.anchor, u.depth, u.origin_server_ts, u.disposition, u.has_url, u.txn_key,
            u.room_version, u.type, u.sender, u.state_before, u.redacted_by, u.device_id, u.txn_scope, u.txn_id, u.json,
            u.visibility, u.state_key, u.membership,
            CASE WHEN u.replaces_in_table THEN (
                SELECT s.event_id FROM {schema}.state s
                WHERE s.room_id = u.room_id AND s.type = u.type AND s.state_key = u.state_key
                    AND s.to_position = {RoomserverSchema.OpenEnd}
            ) ELSE u.replaces END,
            u.stripped_state
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
            AS u ({PduColumns}, state_key, membership, replaces, replaces_in_table, stripped_state)
        {OnPduConflict}, replaces = coalesce(pdus.replaces, excluded.replaces)
        RETURNING event_id, replaces
        """;

    public string InsertPlainPdus { get; } =
        $"""
        INSERT INTO {schema}.pdus AS pdus ({PduColumns})
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        {OnPduConflict}
        """;

    public string InsertAuthEdges { get; } =
        $"""
        INSERT INTO {schema}.auth_edges (room_id, auth_event_id, position, event_id, type, state_key)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
        """;

    /// <summary>What is cited and not here, as far as the tables know; outliers count as not here. What an accepted
    /// PDU cites counts so until it is accepted itself: backfilled, it is here, but it was not when it was
    /// cited.</summary>
    public string InsertMissingLinks { get; } =
        $"""
        INSERT INTO {schema}.missing_links (room_id, event_id, cited_by)
        SELECT u.room_id, u.event_id, u.cited_by
        FROM unnest($1, $2, $3, $4, $5) AS u (room_id, event_id, cited_by, position, is_accepted)
        WHERE NOT EXISTS (
            SELECT FROM {schema}.pdus p
            WHERE p.event_id = u.event_id AND p.room_id = u.room_id AND p.disposition <> 3
                AND NOT (u.is_accepted AND p.disposition = 4 AND -p.position > u.position))
        ON CONFLICT DO NOTHING
        RETURNING cited_by
        """;

    public string DeleteMissingLinks { get; } =
        $"""
        DELETE FROM {schema}.missing_links m USING unnest($1, $2, $3) AS u (room_id, event_id, is_backfilled)
        WHERE m.room_id = u.room_id AND m.event_id = u.event_id
            AND NOT (u.is_backfilled AND EXISTS (
                SELECT FROM {schema}.pdus p
                WHERE p.event_id = m.cited_by AND p.room_id = m.room_id AND p.disposition = 0))
        """;

    public string InsertRedactionsInWaiting { get; } =
        $"""
        INSERT INTO {schema}.redactions_in_waiting (room_id, position, target, event_id)
        SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING
        """;

    public string CloseState { get; } =
        $"""
        UPDATE {schema}.state s SET to_position = u.position
        FROM unnest($1, $2, $3, $4) AS u (room_id, type, state_key, position)
        WHERE s.room_id = u.room_id AND s.type = u.type AND s.state_key = u.state_key
            AND s.to_position = {RoomserverSchema.OpenEnd}
        """;

    public string InsertState { get; } =
        $"""
        INSERT INTO {schema}.state (room_id, type, state_key, event_id, from_position, to_position, membership)
        SELECT u.room_id, u.type, u.state_key, u.event_id, u.from_position, u.to_position,
            CASE WHEN u.type = 'm.room.member' AND u.membership IS NULL
                THEN (SELECT p.membership FROM {schema}.pdus p WHERE p.event_id = u.event_id) ELSE u.membership END
        FROM unnest($1, $2, $3, $4, $5, $6, $7)
            AS u (room_id, type, state_key, event_id, from_position, to_position, membership)
        """;

    public string UpsertMemberships { get; } =
        $"""
        INSERT INTO {schema}.memberships AS m
            (user_id, room_id, membership, forgotten, position, since_position, event_id)
        SELECT u.user_id, u.room_id, u.value, u.forgotten, u.position,
            CASE WHEN u.is_one_run AND old.membership = u.value THEN old.since_position ELSE u.since_position END,
            u.event_id
        FROM (
            SELECT n.*, coalesce(
                n.membership,
                (SELECT p.membership FROM {schema}.pdus p WHERE p.event_id = n.event_id),
                0::smallint) AS value
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                AS n (user_id, room_id, membership, forgotten, position, since_position, event_id, is_one_run)
        ) u
        LEFT JOIN {schema}.memberships old ON old.user_id = u.user_id AND old.room_id = u.room_id
        ON CONFLICT (user_id, room_id) DO UPDATE SET
            membership = excluded.membership, forgotten = excluded.forgotten, position = excluded.position,
            since_position = excluded.since_position, event_id = excluded.event_id
        """;

    public string Forget { get; } =
        $"""
        UPDATE {schema}.memberships m SET forgotten = true
        FROM unnest($1, $2) AS u (user_id, room_id)
        WHERE m.user_id = u.user_id AND m.room_id = u.room_id
        """;

    public string InsertRooms { get; } =
        $"""
        INSERT INTO {schema}.rooms (room_id, room_version, position)
        SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING
        """;

    public string UpsertAlias { get; } =
        $"""
        INSERT INTO {schema}.aliases (alias, room_id, creator, position) VALUES ($1, $2, $3, $4)
        ON CONFLICT (alias) DO UPDATE
            SET room_id = excluded.room_id, creator = excluded.creator, position = excluded.position
        """;

    public string DeleteAlias { get; } = $"DELETE FROM {schema}.aliases WHERE alias = $1";

    public string InsertPublicRoom { get; } =
        $"""
        INSERT INTO {schema}.public_rooms (room_id, position) VALUES ($1, $2)
        ON CONFLICT (room_id) DO UPDATE SET position = excluded.position
        """;

    public string DeletePublicRoom { get; } = $"DELETE FROM {schema}.public_rooms WHERE room_id = $1";

    public string SelectToRedact { get; } =
        $"SELECT event_id, room_version, json FROM {schema}.pdus WHERE event_id = ANY($1) AND redacted_by IS NULL";

    public string RedactPdus { get; } =
        $"""
        UPDATE {schema}.pdus p SET json = u.json, redacted_by = u.redacted_by, has_url = false
        FROM unnest($1, $2, $3) AS u (event_id, redacted_by, json) WHERE p.event_id = u.event_id
        """;
}
