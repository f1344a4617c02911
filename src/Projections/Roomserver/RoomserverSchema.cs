namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The tables of the <c>roomserver</c> projection.</summary>
/// <remarks>
/// <code>
///   pdus          one row per PDU; its timeline is the partial index (room, anchor, position) over what was
///                 accepted
///   state         every value that a tuple of a room's current state ever had, with the positions between which it
/// held:
///                 the current state, the state at any sync token and the delta between two tokens are range
/// conditions on it
///   auth_edges    which state PDUs list a PDU in their auth_events: what state resolution walks
///   redactions_in_waiting  redactions whose target was not here, or on which they had no effect
///   missing_links PDUs that are cited as prev_events and are not here: where history can be fetched from; and those
///                 backfilled ones that an accepted PDU cites: where history begins
///   memberships   the last membership of each user in each room, and since when it has that value
///   rooms, aliases, public_rooms
/// </code>
/// Positions are log positions; those of backfilled PDUs are negative. A timeline is in the order of anchor and
/// position (<see cref="TimelinePlace"/>). <c>to_position</c> is <see cref="OpenEnd"/> while a value holds.
/// <c>state_to</c> holds the tuple too: on a table without statistics PostgreSQL may choose it to find one open value,
/// and would otherwise walk through all open values of the room for each.
/// Everything compares in collation C: an order by text is the order of UTF-8 bytes, the same on every machine.
/// </remarks>
internal static class RoomserverSchema
{
    public const long OpenEnd = long.MaxValue;

    public const string Ddl = """
        CREATE TABLE {schema}.pdus (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            anchor bigint NOT NULL,
            depth bigint NOT NULL,
            origin_server_ts bigint NOT NULL,
            disposition smallint NOT NULL,
            membership smallint,
            has_url boolean NOT NULL,
            txn_key bigint,
            room_version text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            state_key text COLLATE "C",
            sender text COLLATE "C" NOT NULL,
            state_before bytea NOT NULL,
            replaces text COLLATE "C",
            redacted_by text COLLATE "C",
            device_id text COLLATE "C",
            txn_scope text COLLATE "C",
            txn_id text COLLATE "C",
            stripped_state bytea,
            visibility smallint,
            json bytea NOT NULL
        );
        CREATE INDEX pdus_timeline ON {schema}.pdus (room_id, anchor, position) WHERE disposition IN (0, 4);
        CREATE INDEX pdus_txn ON {schema}.pdus (txn_key) WHERE txn_key IS NOT NULL;

        CREATE TABLE {schema}.auth_edges (
            room_id text COLLATE "C" NOT NULL,
            auth_event_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            state_key text COLLATE "C" NOT NULL,
            PRIMARY KEY (room_id, auth_event_id, position, event_id)
        );

        CREATE TABLE {schema}.missing_links (
            room_id text COLLATE "C" NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            cited_by text COLLATE "C" NOT NULL,
            PRIMARY KEY (room_id, event_id, cited_by)
        );

        CREATE TABLE {schema}.redactions_in_waiting (
            room_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            target text COLLATE "C" NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (room_id, position)
        );

        CREATE TABLE {schema}.state (
            room_id text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            state_key text COLLATE "C" NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            from_position bigint NOT NULL,
            to_position bigint NOT NULL,
            membership smallint,
            PRIMARY KEY (room_id, type, state_key, to_position)
        );
        CREATE INDEX state_from ON {schema}.state (room_id, from_position);
        CREATE INDEX state_to ON {schema}.state (room_id, to_position, type, state_key);

        CREATE TABLE {schema}.memberships (
            user_id text COLLATE "C" NOT NULL,
            room_id text COLLATE "C" NOT NULL,
            membership smallint NOT NULL,
            forgotten boolean NOT NULL,
            position bigint NOT NULL,
            since_position bigint NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (user_id, room_id)
        );

        CREATE TABLE {schema}.rooms (
            room_id text COLLATE "C" PRIMARY KEY,
            room_version text COLLATE "C" NOT NULL,
            position bigint NOT NULL
        );

        CREATE TABLE {schema}.aliases (
            alias text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            creator text COLLATE "C" NOT NULL,
            position bigint NOT NULL
        );
        CREATE INDEX aliases_room ON {schema}.aliases (room_id);

        CREATE TABLE {schema}.public_rooms (
            room_id text COLLATE "C" PRIMARY KEY,
            position bigint NOT NULL
        );
        """;
}
