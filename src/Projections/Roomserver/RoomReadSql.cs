namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The reading statements for one schema. All are set-based: any number of rooms is one statement.</summary>
/// <remarks>Positions bound every one of them, so an answer is as of one position, however far the projection has come
/// meanwhile.</remarks>
internal sealed class RoomReadSql(string schema)
{
    public string Schema => schema;

    private const string Filters =
        """
        ($4::text[] IS NULL OR p.type LIKE ANY ($4)) AND ($5::text[] IS NULL OR NOT p.type LIKE ANY ($5))
                AND ($6::text[] IS NULL OR p.sender = ANY ($6)) AND ($7::text[] IS NULL OR p.sender <> ALL ($7))
                AND ($8::boolean IS NULL OR p.has_url = $8)
        """;

    /// <summary>$1 rooms, $2 and $3 after, $9 and $10 up to, $4-$8 filter, $11 whether fetched history too, $12 limit:
    /// the newest PDUs per room, newest first.</summary>
    public string TimelineBackwards { get; } = Timeline(schema, "DESC");

    /// <summary>The same, oldest first.</summary>
    public string TimelineForwards { get; } = Timeline(schema, "ASC");

    /// <remarks>The bounds of the anchor follow from those of the pair. PostgreSQL takes a pair's for a third of all
    /// rows each, whatever they are, and would read and sort all of a room for the newest ten.</remarks>
    private static string Timeline(string schema, string order) =>
        $"""
        SELECT {StoredEventReader.Columns}
        FROM unnest($1, $2, $3, $9, $10) WITH ORDINALITY
            AS w (room_id, after_anchor, after, up_to_anchor, up_to, place)
        CROSS JOIN LATERAL (
            SELECT * FROM {schema}.pdus p
            WHERE p.room_id = w.room_id AND p.disposition IN (0, 4)
                AND p.anchor >= w.after_anchor AND p.anchor <= w.up_to_anchor
                AND (p.anchor, p.position) > (w.after_anchor, w.after)
                AND (p.anchor, p.position) <= (w.up_to_anchor, w.up_to)
                AND ($11 OR p.position > 0) AND {Filters}
            ORDER BY p.anchor {order}, p.position {order} LIMIT $12
        ) p
        {StoredEventReader.Joins(schema)}
        ORDER BY w.place, p.anchor {order}, p.position {order}
        """;

    /// <summary>$1 rooms, $2 state at, $3 changed after (0: all), $4 whether member events too.</summary>
    public string State { get; } =
        $"""
        SELECT {StoredEventReader.Columns}
        FROM unnest($1, $2, $3, $4) AS w (room_id, at, after, with_members)
        JOIN {schema}.state s ON s.room_id = w.room_id
            AND s.to_position > w.at AND s.from_position <= w.at AND s.from_position > w.after
            AND (w.with_members OR s.type <> 'm.room.member')
        JOIN {schema}.pdus p ON p.event_id = s.event_id
        {StoredEventReader.Joins(schema)}
        ORDER BY s.room_id, s.from_position, s.type, s.state_key
        """;

    /// <summary>$1 rooms, $2 state at, $3 types, $4 state keys: single entries.</summary>
    public string StateEntries { get; } =
        $"""
        SELECT {StoredEventReader.Columns}
        FROM unnest($1, $2, $3, $4) AS w (room_id, at, type, state_key)
        JOIN {schema}.state s ON s.room_id = w.room_id AND s.type = w.type AND s.state_key = w.state_key
            AND s.to_position > w.at AND s.from_position <= w.at
        JOIN {schema}.pdus p ON p.event_id = s.event_id
        {StoredEventReader.Joins(schema)}
        ORDER BY s.room_id, s.from_position, s.type, s.state_key
        """;

    /// <summary>$1 room, $2 state at, $3 and $4 after which entry, $5 how many: member events.</summary>
    /// <remarks>The entries are chosen first, so that only theirs are looked up.</remarks>
    public string Members { get; } =
        $"""
        SELECT {StoredEventReader.Columns}, s.from_position
        FROM (
            SELECT event_id, from_position, state_key FROM {schema}.state
            WHERE room_id = $1 AND type = 'm.room.member' AND to_position > $2 AND from_position <= $2
                AND from_position >= $3 AND (from_position, state_key) > ($3, $4)
            ORDER BY from_position, state_key LIMIT $5
        ) s
        JOIN {schema}.pdus p ON p.event_id = s.event_id
        {StoredEventReader.Joins(schema)}
        ORDER BY s.from_position, s.state_key
        """;

    /// <summary>$1 rooms, $2 user: everything that <see cref="RoomHistory"/> is made of.</summary>
    public string Histories { get; } =
        $"""
        SELECT h.room_id, h.is_visibility, h.from_position, h.to_position, h.membership, h.json FROM (
            SELECT s.room_id, true AS is_visibility, s.from_position, s.to_position,
                NULL::smallint AS membership, p.json
            FROM {schema}.state s JOIN {schema}.pdus p ON p.event_id = s.event_id
            WHERE s.room_id = ANY ($1) AND s.type = 'm.room.history_visibility' AND s.state_key = ''
            UNION ALL
            SELECT s.room_id, false, s.from_position, s.to_position, s.membership, NULL::bytea
            FROM {schema}.state s
            WHERE s.room_id = ANY ($1) AND s.type = 'm.room.member' AND s.state_key = $2
        ) h ORDER BY h.room_id, h.from_position
        """;

    /// <summary>$1 rooms, $2 user: the rooms that exist, whether the user forgot them, and whether anything was ever
    /// missing of them.</summary>
    public string Known { get; } =
        $"""
        SELECT r.room_id, coalesce(m.forgotten, false),
            EXISTS (SELECT FROM {schema}.missing_links l WHERE l.room_id = r.room_id)
        FROM {schema}.rooms r
        LEFT JOIN {schema}.memberships m ON m.user_id = $2 AND m.room_id = r.room_id
        WHERE r.room_id = ANY ($1)
        """;

    /// <summary>$1 rooms, $2 user, $3 position.</summary>
    public string Summaries { get; } =
        $"""
        SELECT w.room_id, counts.joined, counts.invited,
            ARRAY(SELECT s.state_key FROM {schema}.state s
                WHERE s.room_id = w.room_id AND s.type = 'm.room.member'
                    AND s.to_position > $3 AND s.from_position <= $3
                    AND s.membership IN (1, 2) AND s.state_key <> $2 ORDER BY s.from_position, s.state_key LIMIT 5),
            ARRAY(SELECT s.state_key FROM {schema}.state s
                WHERE s.room_id = w.room_id AND s.type = 'm.room.member'
                    AND s.to_position > $3 AND s.from_position <= $3
                    AND s.membership IN (0, 4) AND s.state_key <> $2 ORDER BY s.from_position, s.state_key LIMIT 5)
        FROM unnest($1) AS w (room_id)
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE s.membership = 1) AS joined,
                count(*) FILTER (WHERE s.membership = 2) AS invited
            FROM {schema}.state s
            WHERE s.room_id = w.room_id AND s.type = 'm.room.member' AND s.to_position > $3 AND s.from_position <= $3
        ) counts
        """;

    /// <summary>$1 rooms, $2 after, $3 up to: the rooms whose members changed.</summary>
    public string MemberChanges { get; } =
        $"""
        SELECT w.room_id FROM unnest($1, $2, $3) AS w (room_id, after, up_to)
        WHERE EXISTS (SELECT FROM {schema}.state s WHERE s.room_id = w.room_id AND s.type = 'm.room.member'
            AND s.from_position > w.after AND s.from_position <= w.up_to)
        """;

    /// <summary>$1 rooms, $2 after, $3 up to: the last accepted PDU of each room before which something was missing
    /// when it came.</summary>
    public string Gaps { get; } =
        $"""
        SELECT w.room_id, max(p.position)
        FROM unnest($1, $2, $3) AS w (room_id, after, up_to)
        JOIN {schema}.missing_links m ON m.room_id = w.room_id
        JOIN {schema}.pdus p ON p.event_id = m.cited_by AND p.room_id = m.room_id AND p.disposition = 0
            AND p.position > w.after AND p.position <= w.up_to
        GROUP BY w.room_id
        """;

    /// <summary>
    /// $1 rooms, $2 after, $3 up to: state that moved without its PDU being on the timeline there (state resolution),
    /// as of the end. What came with the first event, a join of a room that was elsewhere, is also shown where the
    /// timeline goes on to replace it: it is the state that the timeline starts with.
    /// </summary>
    public string ForeignState { get; } =
        $"""
        SELECT {StoredEventReader.Columns}
        FROM unnest($1, $2, $3) AS w (room_id, after, up_to)
        JOIN {schema}.state s ON s.room_id = w.room_id
            AND s.from_position > w.after AND s.from_position <= w.up_to
            AND (s.to_position > w.up_to OR (s.from_position = w.after + 1 AND EXISTS (
                SELECT FROM {schema}.state e JOIN {schema}.pdus f ON f.event_id = e.event_id
                WHERE e.room_id = s.room_id AND e.type = s.type AND e.state_key = s.state_key
                    AND e.from_position > s.from_position AND e.from_position <= w.up_to AND e.to_position > w.up_to
                    AND f.position = e.from_position AND f.disposition = 0)))
        JOIN {schema}.pdus p ON p.event_id = s.event_id AND (p.position <> s.from_position OR p.disposition <> 0)
        {StoredEventReader.Joins(schema)}
        ORDER BY s.room_id, s.from_position, s.type, s.state_key
        """;

    /// <summary>$1 rooms, $2 after, $3 up to: entries that are no more at the end.</summary>
    public string RemovedState { get; } =
        $"""
        SELECT DISTINCT s.room_id, s.type, s.state_key
        FROM unnest($1, $2, $3) AS w (room_id, after, up_to)
        JOIN {schema}.state s ON s.room_id = w.room_id
            AND s.to_position > w.after AND s.to_position <= w.up_to AND s.from_position <= w.after
        WHERE NOT EXISTS (SELECT FROM {schema}.state n
            WHERE n.room_id = s.room_id AND n.type = s.type AND n.state_key = s.state_key
                AND n.to_position > w.up_to AND n.from_position <= w.up_to)
        ORDER BY s.room_id, s.type, s.state_key
        """;

    /// <summary>$1 event ids, each with what a client event says beside it.</summary>
    public string Events { get; } =
        $"""
        SELECT {StoredEventReader.Columns} FROM {schema}.pdus p {StoredEventReader.Joins(schema)}
        WHERE p.event_id = ANY ($1)
        """;

    /// <summary>$1 event ids: the accepted one of these as clients may see it.</summary>
    public string AcceptedEvents { get; } =
        $"""
        SELECT {StoredEventReader.Columns} FROM {schema}.pdus p {StoredEventReader.Joins(schema)}
        WHERE p.event_id = ANY ($1) AND p.disposition IN (0, 4)
        """;

    /// <summary>$1 event ids of invites and knocks.</summary>
    public string Stripped { get; } =
        $"SELECT p.event_id, p.stripped_state FROM {schema}.pdus p WHERE p.event_id = ANY ($1)";

    /// <summary>$1 user.</summary>
    public string UserMemberships { get; } =
        $"""
        SELECT room_id, membership, forgotten, position, since_position, event_id FROM {schema}.memberships
        WHERE user_id = $1 ORDER BY room_id
        """;
}
